import { useEffect, useRef } from "react";

/** Names the page for those who see its tab, and takes the focus there when one comes from another page. */
export function useArrival(title: string, place: string): void {
  const arrived = useRef(place);
  useEffect(() => {
    document.title = title === "Darkroom" ? title : `${title} · Darkroom`;
  }, [title]);
  useEffect(() => {
    if (arrived.current !== place) {
      document.getElementById("main")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    arrived.current = place;
  }, [place]);
}
