import { useEffect, useEffectEvent, useState } from "react";

import { sizeOfPicture } from "./pictures.js";

type Size = Awaited<ReturnType<typeof sizeOfPicture>>;

/**
 * Reads files to know that they are pictures.
 *
 * @param onRead - is given each file with its size in pixels, `undefined` if it is no picture; of several that came while
 *   one was being read, the last.
 * @returns takes a file; without one, what is being read is of no interest any more.
 */
export function useTakenPicture(onRead: (file: Blob, size: Size) => void): (file: Blob | undefined) => void {
  const [taken, setTaken] = useState<{ file: Blob }>();
  const tell = useEffectEvent(onRead);
  useEffect(() => {
    if (taken === undefined) return;
    let isCurrent = true;
    void sizeOfPicture(taken.file).then((size) => {
      if (isCurrent) tell(taken.file, size);
    });
    return () => {
      isCurrent = false;
    };
  }, [taken]);
  return (file) => {
    setTaken(file && { file });
  };
}
