/** Addresses as this client reaches them: the service tells those that it was called by, maybe behind a proxy. */

import type { Darkroom, Job } from "@darkroom/client";

import type { Developing } from "./develop/developing.js";

type Addresses = Pick<Darkroom, "baseUrl" | "imageUrl">;

/** A job whose pictures are where `client` reaches them. */
export function locatedJob<J extends Job>(job: J, client: Addresses): J {
  const images = job.images.map((image) => ({ ...image, url: client.imageUrl(job.job_id, image.index) }));
  const { inputs } = job as { inputs?: Readonly<Record<string, string>> };
  if (inputs === undefined) return { ...job, images };
  const below = `${client.baseUrl}/v1/jobs/${encodeURIComponent(job.job_id)}/inputs`;
  return { ...job, images, inputs: Object.fromEntries(Object.keys(inputs).map((name) => [name, `${below}/${name}`])) };
}

/** The same for what is known of a job. */
export function locatedDeveloping(developing: Developing, client: Addresses): Developing {
  const { jobId, status } = developing;
  if (status !== "succeeded") return developing;
  const images = developing.images.map((image) =>
    image.url === undefined ? image : { ...image, url: client.imageUrl(jobId, image.index) },
  );
  return { ...developing, images };
}
