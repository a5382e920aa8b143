/** Pictures on their way into a JSON body. */

import type { components } from "./generated/openapi.js";
import type { JobRequest, Picture } from "./types.js";

/** The body of `request`, with its pictures in base64. */
export async function bodyOf(request: JobRequest): Promise<components["schemas"]["JobBody"]> {
  const { image, mask, control_image, ...rest } = request;
  const [imageText, maskText, controlText] = await Promise.all([asText(image), asText(mask), asText(control_image)]);
  return {
    ...rest,
    ...(imageText === undefined ? {} : { image: imageText }),
    ...(maskText === undefined ? {} : { mask: maskText }),
    ...(controlText === undefined ? {} : { control_image: controlText }),
  };
}

async function asText(picture: Picture | null | undefined): Promise<string | undefined> {
  if (picture === null || picture === undefined) return undefined;
  if (typeof picture === "string") return picture;
  return base64(picture instanceof Uint8Array ? picture : new Uint8Array(await picture.arrayBuffer()));
}

const PIECE = 0x8000; // as many arguments as every engine takes in one call

function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += PIECE) {
    pieces.push(String.fromCharCode(...bytes.subarray(start, start + PIECE)));
  }
  return btoa(pieces.join(""));
}
