import type { Job } from "@darkroom/client";
import { fromJob, useDarkroom } from "@darkroom/react";
import { Download, Expand, ImagePlus, RotateCw, Shuffle, SlidersHorizontal } from "lucide-react";
import { useLocation } from "wouter";

import { useComposition } from "../develop/Composition.js";
import { useDevelopSession } from "../develop/DevelopSession.js";
import { Button } from "../ui/Button.js";
import { ButtonLink } from "../ui/ButtonLink.js";
import buttons from "../ui/Button.module.css";
import css from "./Actions.module.css";

interface ActionsProps {
  job: Job;
  /** Which of its pictures. */
  at: number;
  /** On stage: what leads on from here; else also what belongs to the record of a picture. */
  compact?: boolean;
}

const ICON = { size: 17, strokeWidth: 1.75, "aria-hidden": true } as const;

/** What can be done with a job that is over. */
export function Actions({ job, at, compact = false }: ActionsProps) {
  const darkroom = useDarkroom();
  const { model, models, change } = useComposition();
  const { vary, develop, show } = useDevelopSession();
  const [, go] = useLocation();

  const image = job.images.find(({ index }) => index === at);
  const isThere = job.status === "succeeded" && image !== undefined && !job.images_expired;
  const url = darkroom.imageUrl(job.job_id, at);
  const settings = fromJob(job);
  const isServed = models.some(({ id }) => id === settings.model);

  const compose = (changed: typeof settings) => {
    change(isServed || model === undefined ? changed : { ...changed, model: model.id });
    go("/");
  };
  const again = async (submit: () => Promise<string | undefined>) => {
    go("/");
    const jobId = await submit();
    if (jobId !== undefined) show(jobId);
  };

  return (
    <div className={`${css.actions} ${compact ? css.compact : ""}`} role="group" aria-label="What to do with it">
      {job.status !== "succeeded" && (
        <Button className={css.whole} isDisabled={!isServed} onPress={() => void again(() => develop(settings))}>
          <RotateCw {...ICON} />
          <span className={css.word}>Try again</span>
        </Button>
      )}
      {isThere && (
        <Button isDisabled={!isServed} onPress={() => void again(() => vary(job))}>
          <Shuffle {...ICON} />
          <span className={css.word}>Vary</span>
        </Button>
      )}
      {isThere && (
        <Button
          onPress={() => {
            const { mask: _mask, ...rest } = settings;
            compose({ ...rest, image: { url }, seed: null, seedLocked: false, n: 1 });
          }}
        >
          <ImagePlus {...ICON} />
          <span className={css.word}>Edit</span>
        </Button>
      )}
      {isThere && (
        <a
          className={`${buttons.button} ${buttons.plain} ${compact ? "" : css.whole}`}
          href={url}
          download={`darkroom-${image.seed}.${image.format}`}
        >
          <Download {...ICON} />
          <span className={css.word}>Download</span>
        </a>
      )}
      {compact && (
        <ButtonLink href={`/jobs/${job.job_id}`}>
          <Expand {...ICON} />
          <span className={css.word}>Details</span>
        </ButtonLink>
      )}
      {!compact && (
        <Button
          className={css.whole}
          onPress={() => {
            compose(settings);
          }}
        >
          <SlidersHorizontal {...ICON} />
          <span className={css.word}>Use these settings</span>
        </Button>
      )}
    </div>
  );
}
