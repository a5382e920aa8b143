import { useCallback, useEffect, useState } from "react";

import type { Size } from "../../settings/limits.js";
import type { SourcePicture } from "../../settings/settings.js";

/** What {@link useImage} gives. */
export interface ImageState {
  /** For the `<img>`. */
  readonly attach: (element: HTMLImageElement | null) => void;
  /** In pixels, upright; `undefined` until it has loaded. */
  readonly size: Size | undefined;
  /** It can't be shown. */
  readonly isBroken: boolean;
}

/** Shows a picture in an `<img>`, and tells its size. */
export function useImage(picture: SourcePicture): ImageState {
  const [element, setElement] = useState<HTMLImageElement | null>(null);
  const source = picture instanceof Blob ? picture : picture.url;
  const [shown, setShown] = useState<{ source: Blob | string; size: Size | undefined }>();
  useEffect(() => {
    if (element === null) return;
    const url = typeof source === "string" ? source : URL.createObjectURL(source);
    const onLoad = () => setShown({ source, size: { width: element.naturalWidth, height: element.naturalHeight } });
    const onError = () => setShown({ source, size: undefined });
    element.addEventListener("load", onLoad);
    element.addEventListener("error", onError);
    element.setAttribute("src", url);
    return () => {
      element.removeEventListener("load", onLoad);
      element.removeEventListener("error", onError);
      if (typeof source !== "string") URL.revokeObjectURL(url);
    };
  }, [element, source]);
  const isTold = shown?.source === source;
  const attach = useCallback((found: HTMLImageElement | null) => setElement(found), []);
  return { attach, size: isTold ? shown.size : undefined, isBroken: isTold && shown.size === undefined };
}
