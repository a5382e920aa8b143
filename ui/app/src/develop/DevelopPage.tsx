import { useComposition } from "./Composition.js";
import { Controls } from "./Controls.js";
import { DevelopButton } from "./DevelopButton.js";
import css from "./DevelopPage.module.css";
import { useVisit } from "./DevelopSession.js";
import { Dock } from "./Dock.js";
import { EmptyStage } from "./EmptyStage.js";
import { FilmStrip } from "./FilmStrip.js";
import { Stage } from "./Stage.js";
import { useDevelop } from "./useDevelop.js";
import { useDevelopKeys } from "./useDevelopKeys.js";
import { useIsWide } from "./useMedia.js";

/** Compose, and watch it develop. */
export function DevelopPage() {
  const isWide = useIsWide();
  const { settings } = useComposition();
  const develop = useDevelop();
  useDevelopKeys(develop.submit);
  return (
    <div className={css.page}>
      <h1 className="visually-hidden">Develop a picture</h1>
      {isWide && (
        <section className={css.compose} aria-label="Compose">
          <h2 className="visually-hidden">Compose</h2>
          <div className={css.scroll}>
            <Controls develop={develop} />
          </div>
          <div className={css.go}>
            <DevelopButton develop={develop} isDisabled={settings === undefined} />
          </div>
        </section>
      )}
      <section className={css.stage} aria-label="Stage">
        <OnStage />
      </section>
      <Strip isWide={isWide} />
      {!isWide && <Dock develop={develop} />}
    </div>
  );
}

// what changes with each step is apart from what is composed: a form that is drawn with each step does not keep up

function OnStage() {
  const { onStage } = useVisit();
  return onStage === undefined ? <EmptyStage /> : <Stage shown={onStage} />;
}

function Strip({ isWide }: { isWide: boolean }) {
  const { jobs } = useVisit();
  if (!isWide && jobs.length === 0) return null;
  return (
    <section className={css.strip} aria-label="Film strip">
      {jobs.length > 0 && <FilmStrip orientation={isWide ? "vertical" : "horizontal"} />}
    </section>
  );
}
