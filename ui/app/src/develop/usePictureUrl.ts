import type { SourcePicture } from "@darkroom/react";
import { useCallback, useSyncExternalStore } from "react";

/** The addresses of files that are shown now; a file has one as long as anybody shows it. */
const shown = new Map<Blob, { url: string; by: number }>();

/** Where an `<img>` finds the picture. */
export function usePictureUrl(picture: SourcePicture | undefined): string | undefined {
  const subscribe = useCallback(() => {
    if (!(picture instanceof Blob)) return () => undefined;
    const entry = shown.get(picture) ?? { url: URL.createObjectURL(picture), by: 0 };
    entry.by += 1;
    shown.set(picture, entry);
    return () => {
      entry.by -= 1;
      if (entry.by > 0) return;
      URL.revokeObjectURL(entry.url);
      shown.delete(picture);
    };
  }, [picture]);
  return useSyncExternalStore(subscribe, () => (picture instanceof Blob ? shown.get(picture)?.url : picture?.url));
}
