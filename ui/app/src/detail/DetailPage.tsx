import { JobNotFoundError, type Job } from "@darkroom/client";
import { type Developing, GenerationProgress, isOver, useJobStatus } from "@darkroom/react";
import { ArrowLeft, ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";

import { useDevelopSession } from "../develop/DevelopSession.js";
import { Pictures } from "../develop/Pictures.js";
import { Button } from "../ui/Button.js";
import { ButtonLink } from "../ui/ButtonLink.js";
import { Notice } from "../ui/Notice.js";
import { sentenceOf } from "../words/errors.js";
import css from "./DetailPage.module.css";
import { Record } from "./Record.js";
import { Thumbnails } from "./Thumbnails.js";
import { useNeighbours } from "./useNeighbours.js";

/** One job: its pictures large, all that made them, and what can be done with them. It develops here too. */
export default function DetailPage({ jobId }: { jobId: string }) {
  const { job, developing, connection, error } = useJobStatus(jobId);
  const { cancel } = useDevelopSession();
  const [at, setAt] = useState(0);
  const { left, right, search } = useNeighbours(jobId, job?.created_at);
  const [, go] = useLocation();

  if (error instanceof JobNotFoundError) {
    return (
      <Notice title="This picture is not here" text="It was deleted, or it belongs to somebody else.">
        <ButtonLink href={`/gallery${search}`}>To the gallery</ButtonLink>
      </Notice>
    );
  }
  if (job === undefined) {
    return error === undefined ? (
      <p className="visually-hidden" role="status">
        Opening the picture
      </p>
    ) : (
      <Notice title="This picture could not be opened" text={sentenceOf(error)} />
    );
  }
  const over = isOver(developing);
  return (
    <article className={css.page} aria-labelledby="prompt">
      <div className={css.wall}>
        <nav className={css.nav} aria-label="Pictures">
          <ButtonLink href={`/gallery${search}`} variant="bare">
            <ArrowLeft size={17} strokeWidth={1.75} aria-hidden />
            Gallery
          </ButtonLink>
          <span className={css.turn}>
            <Button variant="bare" aria-label="Newer picture" isDisabled={left === undefined} onPress={() => left?.()}>
              <ChevronLeft size={20} strokeWidth={1.75} aria-hidden />
            </Button>
            <Button
              variant="bare"
              aria-label="Older picture"
              isDisabled={right === undefined}
              onPress={() => right?.()}
            >
              <ChevronRight size={20} strokeWidth={1.75} aria-hidden />
            </Button>
          </span>
        </nav>
        <Pictures developing={over ? only(developing, at) : developing} prompt={promptOf(job)} />
        {over && !job.images_expired && job.images.length > 1 && <Thumbnails job={job} at={at} onChoose={setAt} />}
        {!over && (
          <GenerationProgress
            className={css.progress}
            developing={developing}
            connection={connection}
            onCancel={() => {
              cancel(jobId);
            }}
          />
        )}
      </div>
      <Record
        job={job}
        developing={developing}
        at={at}
        onDeleted={() => {
          go(`/gallery${search}`);
        }}
      />
    </article>
  );
}

function only(developing: Developing, at: number): Developing {
  const image = developing.images[at];
  return image === undefined ? developing : { ...developing, images: [image] };
}

function promptOf(job: Job): string {
  return job.request.prompt ?? "";
}
