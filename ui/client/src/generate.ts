/** From a request to its images in one call. */

import { untilAborted } from "./abort.js";
import type { Darkroom } from "./darkroom.js";
import { JobCancelledError, JobFailedError, NetworkError } from "./errors.js";
import type { StreamOptions } from "./stream.js";
import type { Job, JobEvent, JobRequest } from "./types.js";

/** How a generation is watched, and ended. */
export interface GenerateOptions {
  /** Aborted, the job is cancelled; then the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is told every event, in order. What it throws is what `generate` throws. */
  onEvent?: ((event: JobEvent) => void) | undefined;
  /** Is told each change of the stream's connection. */
  onConnection?: StreamOptions["onConnection"];
  /** Your own name for this submission; drawn if absent. */
  idempotencyKey?: string | undefined;
}

const CANCEL_WITHIN_S = 5;

/** {@link Darkroom.generate}. */
export async function generate(darkroom: Darkroom, request: JobRequest, options: GenerateOptions): Promise<Job> {
  const { signal, onEvent, onConnection, idempotencyKey } = options;
  signal?.throwIfAborted();
  // without the signal: a submission that is given up half-way may have made a job, and only its answer tells which
  const submission = darkroom.submit(request, { idempotencyKey });
  let job: Job;
  try {
    const { job_id: jobId } = await untilAborted(submission, signal);
    for await (const event of darkroom.stream(jobId, { signal, onConnection })) onEvent?.(event);
    job = await darkroom.get(jobId, { signal });
  } catch (error) {
    await cancel(darkroom, submission);
    throw error;
  }
  return ended(job);
}

/** The job, if it has succeeded; else its error is thrown. */
function ended(job: Job): Job {
  const jobId = job.job_id;
  switch (job.status) {
    case "succeeded":
      return job;
    case "cancelled":
      throw new JobCancelledError(`job ${jobId} was cancelled`, { code: "cancelled", jobId });
    case "failed":
    case "expired": {
      const { code, message } = job.error ?? { code: "internal", message: `job ${jobId} has ${job.status}` };
      throw new JobFailedError(message, { code, jobId });
    }
    case "queued":
    case "running":
      throw new NetworkError(`the stream of job ${jobId} ended before the job`);
  }
}

/** Cancel what was or will have been submitted, if there is anything: how that ends interests nobody any more. */
async function cancel(darkroom: Darkroom, submission: Promise<{ job_id: string }>): Promise<void> {
  const cancelled = submission.then(({ job_id }) => darkroom.cancel(job_id)).catch(() => undefined);
  await untilAborted(cancelled, AbortSignal.timeout(CANCEL_WITHIN_S * 1000)).catch(() => undefined);
}
