import { useComposition } from "./Composition.js";
import { Controls } from "./Controls.js";
import { DevelopButton } from "./DevelopButton.js";
import css from "./DevelopPage.module.css";
import { useDevelopSession } from "./DevelopSession.js";
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
  const { onStage, jobs } = useDevelopSession();
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
        {onStage === undefined ? <EmptyStage /> : <Stage shown={onStage} />}
      </section>
      {(isWide || jobs.length > 0) && (
        <section className={css.strip} aria-label="Film strip">
          {jobs.length > 0 && <FilmStrip orientation={isWide ? "vertical" : "horizontal"} />}
        </section>
      )}
      {!isWide && <Dock develop={develop} />}
    </div>
  );
}
