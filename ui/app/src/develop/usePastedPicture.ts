import { useEffect, useEffectEvent } from "react";

import { pictureIn } from "./pictures.js";

/** `take` gets each picture that is pasted anywhere in the page. Text goes where it always goes. */
export function usePastedPicture(take: (picture: File) => void): void {
  const paste = useEffectEvent((event: ClipboardEvent) => {
    const picture = pictureIn(event.clipboardData);
    if (picture === undefined) return;
    event.preventDefault();
    take(picture);
  });
  useEffect(() => {
    const listen = (event: ClipboardEvent) => {
      paste(event);
    };
    document.addEventListener("paste", listen);
    return () => {
      document.removeEventListener("paste", listen);
    };
  }, []);
}
