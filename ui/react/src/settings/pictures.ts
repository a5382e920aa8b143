/** Pictures that the service has, on their way into another request. */

import { DarkroomError, type JobRequest, NetworkError } from "@darkroom/client";

import type { Composed, SourcePicture } from "./settings.js";

/**
 * `composed` with its pictures at hand.
 *
 * @throws DarkroomError if one is not there any more or can't be had, naming its field; the signal's reason when that
 *   is aborted.
 */
export async function fetchPictures(composed: Composed, signal?: AbortSignal): Promise<JobRequest> {
  const { image, mask, ...rest } = composed;
  const [imageBlob, maskBlob] = await Promise.all([fetched("image", image, signal), fetched("mask", mask, signal)]);
  return { ...rest, ...(imageBlob && { image: imageBlob }), ...(maskBlob && { mask: maskBlob }) };
}

/** The picture's bytes. Same promise as {@link fetchPictures}. */
export async function fetched(
  field: "image" | "mask",
  picture: SourcePicture | undefined,
  signal?: AbortSignal,
): Promise<Blob | undefined> {
  if (picture === undefined || picture instanceof Blob) return picture;
  let answer: Response;
  try {
    answer = await fetch(picture.url, { signal: signal ?? null });
    if (answer.ok) return await answer.blob();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new NetworkError(`the ${field} could not be fetched`, cause);
  }
  const { status } = answer;
  const code = status === 401 ? "unauthorized" : status === 410 ? "gone" : "not_found";
  throw new DarkroomError(`the ${field} is not there any more`, { code, status, field });
}
