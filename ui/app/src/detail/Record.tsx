import type { Job } from "@darkroom/client";
import { type Developing, isOver } from "@darkroom/react";

import { sentenceOfCode } from "../words/errors.js";
import { statusOf } from "../words/status.js";
import { Actions } from "./Actions.js";
import { CopyLink } from "./CopyLink.js";
import { DeleteButton } from "./DeleteButton.js";
import { rowsOf } from "./parameters.js";
import css from "./Record.module.css";

interface RecordProps {
  job: Job;
  developing: Developing;
  at: number;
  onDeleted: () => void;
}

/** All that made a picture, and what can be done with it. */
export function Record({ job, developing, at, onDeleted }: RecordProps) {
  const { error } = developing;
  const { prompt, negative_prompt } = job.request;
  return (
    <section className={css.record} aria-label="How it was made">
      <h1 id="prompt" className={css.prompt}>
        {prompt === undefined || prompt === "" ? "Without words" : prompt}
      </h1>
      {negative_prompt !== undefined && negative_prompt !== "" && (
        <p className={css.negative}>Away from: {negative_prompt}</p>
      )}
      {developing.status !== "succeeded" && (
        <p className={css.status}>
          {error === undefined ? statusOf(developing) : sentenceOfCode(error.code, error.message)}
          {error !== undefined && <code className={css.code}>{error.code}</code>}
        </p>
      )}
      {job.images_expired && <p className={css.status}>Its pictures were kept for a while, and are gone.</p>}
      {isOver(job) && <Actions job={job} at={at} />}
      <dl className={css.rows}>
        {rowsOf(job, at).map(([name, value]) => (
          <div key={name} className={css.row}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={css.end}>
        <CopyLink />
        {isOver(developing) && <DeleteButton jobId={job.job_id} count={job.images.length} onDeleted={onDeleted} />}
      </div>
    </section>
  );
}
