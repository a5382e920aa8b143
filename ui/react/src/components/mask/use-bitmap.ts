import { DarkroomError } from "@darkroom/client";
import { useEffect, useState } from "react";

import { fetched } from "../../settings/pictures.js";
import type { SourcePicture } from "../../settings/settings.js";

/** A picture on its way into memory. */
export interface BitmapState {
  /** Decoded; `undefined` while it is not, or if there is none. */
  readonly bitmap: ImageBitmap | undefined;
  /** Why it can't be had. */
  readonly error: string | undefined;
  /** Of which picture this is told. */
  readonly of: SourcePicture | undefined;
}

const NONE: BitmapState = { bitmap: undefined, error: undefined, of: undefined };

/** A picture as pixels, upright and in sRGB; the one before it is let go. */
export function useBitmap(field: "image" | "mask", picture: SourcePicture | undefined): BitmapState {
  const [state, setState] = useState(NONE);
  const url = picture instanceof Blob ? undefined : picture?.url;
  const blob = picture instanceof Blob ? picture : undefined;
  useEffect(() => {
    const source = blob ?? (url === undefined ? undefined : { url });
    if (source === undefined) return;
    const abort = new AbortController();
    let bitmap: ImageBitmap | undefined;
    void (async () => {
      try {
        const bytes = await fetched(field, source, abort.signal);
        if (bytes === undefined) return;
        const decoded = await createImageBitmap(bytes);
        if (abort.signal.aborted) {
          decoded.close();
          return;
        }
        bitmap = decoded;
        setState({ bitmap, error: undefined, of: source });
      } catch (error) {
        if (abort.signal.aborted) return;
        const message = error instanceof DarkroomError ? error.message : `the ${field} could not be read`;
        setState({ bitmap: undefined, error: message, of: source });
      }
    })();
    return () => {
      abort.abort();
      setState(NONE);
      bitmap?.close();
    };
  }, [field, blob, url]);
  return state;
}
