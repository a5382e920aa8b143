import { GenerationProgress, isOver, useJobStatus } from "@darkroom/react";
import type { Developing } from "@darkroom/react";

import { Actions } from "../detail/Actions.js";
import { sentenceOfCode } from "../words/errors.js";
import { statusOf } from "../words/status.js";
import { Pictures } from "./Pictures.js";
import css from "./Stage.module.css";
import { useDevelopSession } from "./DevelopSession.js";

/** The job that one looks at: its pictures, how far they are, and what can be done with them. */
export function Stage({ shown }: { shown: Developing }) {
  return shown.status === "submitting" ? <Sending shown={shown} /> : <Known jobId={shown.jobId} />;
}

function Sending({ shown }: { shown: Developing }) {
  const { cancel } = useDevelopSession();
  return (
    <div className={css.stage}>
      <Pictures developing={shown} prompt="" />
      <div className={css.foot}>
        <GenerationProgress
          className={css.progress}
          developing={shown}
          connection="connecting"
          onCancel={() => {
            cancel(shown.jobId);
          }}
        />
      </div>
    </div>
  );
}

function Known({ jobId }: { jobId: string }) {
  const { job, developing, connection } = useJobStatus(jobId);
  const { cancel } = useDevelopSession();
  const { status, error } = developing;
  return (
    <div className={css.stage}>
      <Pictures developing={developing} prompt={job?.request.prompt ?? ""} />
      <div className={css.foot}>
        {!isOver(developing) ? (
          <GenerationProgress
            className={css.progress}
            developing={developing}
            connection={connection}
            onCancel={() => {
              cancel(jobId);
            }}
          />
        ) : (
          <>
            <p className={css.status} data-status={status}>
              {error === undefined ? statusOf(developing) : sentenceOfCode(error.code, error.message)}
              {error !== undefined && <code className={css.code}>{error.code}</code>}
            </p>
            {job !== undefined && isOver(job) && <Actions job={job} at={0} compact />}
          </>
        )}
      </div>
    </div>
  );
}
