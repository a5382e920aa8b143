/** The words of the API. All but {@link JobRequest} are generated from the service's own OpenAPI document. */

import type { components } from "./generated/openapi.js";

type Schemas = components["schemas"];

/** A picture that goes along with a request: encoded bytes, or text (base64 or a data URL). */
export type Picture = Blob | Uint8Array | string;

type PictureField = "image" | "mask" | "control_image";

/** What to make. Absent fields take the model's defaults; `image` makes it image-to-image, `image` and `mask` inpaint. */
export type JobRequest = Omit<Schemas["JobBody"], PictureField> & Partial<Record<PictureField, Picture | null>>;

/** The answer to a submission: the job is committed, and runs whether or not anybody follows it. */
export type JobAccepted = Schemas["JobAccepted"];

/** A job as it stands. Times are seconds since the epoch. */
export type Job = Schemas["JobView"];
/** `queued → running → succeeded | failed | cancelled | expired`. */
export type JobStatus = Schemas["JobStatus"];
/** A finished image of a job. */
export type JobImage = Schemas["ImageView"];
/** What a job makes: its request with every default filled in and the seed drawn. */
export type JobParameters = Schemas["ParametersView"];
/** One page of jobs, newest first; `next_cursor` is null on the last one. */
export type JobPage = Schemas["JobList"];

/** What a stream tells, without its id. */
export type JobEventData = Schemas["JobEvent"];
/** Which kinds of events there are. */
export type JobEventKind = JobEventData["event"];
/** One event of a job. `id` is what to resume after; `event` tells the kind. */
export type JobEvent<Kind extends JobEventKind = JobEventKind> = Extract<JobEventData, { event: Kind }> & {
  readonly id: string;
};

/** A served model, what it can do and how it stands. */
export type Model = Schemas["ModelView"];
/** What a client may ask of a model. */
export type Capabilities = Schemas["CapabilitiesView"];
/** A replica of a model, by its newest heartbeat. */
export type Worker = Schemas["WorkerView"];
/** What the models have done in the last minutes, all clients together. */
export type Activity = Schemas["ActivityList"];
/** One model's part of it. */
export type ModelActivity = Schemas["ModelActivityView"];
/** Some seconds of it: what happened, and how the model stood at their end. */
export type ActivityBucket = Schemas["BucketView"];
/** What happened within some time. */
export type ActivityFigures = Schemas["FiguresView"];
/** Whether every model can serve, and how each one stands. */
export type Health = Schemas["Readiness"];
/** Who is signed in. */
export type Session = Schemas["SessionView"];

/** Every stable code of the service's errors. */
export type ErrorCode = Schemas["ErrorObject"]["code"];

/** The states that a job does not leave. */
export const TERMINAL_STATUSES: ReadonlySet<JobStatus> = new Set<JobStatus>([
  "succeeded",
  "failed",
  "cancelled",
  "expired",
]);

/** Whether `event` is its job's last one. */
export function isTerminal(event: JobEvent): event is JobEvent<"complete" | "cancelled" | "error"> {
  return event.event === "complete" || event.event === "cancelled" || event.event === "error";
}
