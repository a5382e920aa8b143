import { useEffect, useEffectEvent } from "react";

const OWN_ARROWS = "input, textarea, select, [role=listbox], [role=slider], [role=dialog], [role=alertdialog]";

/** The arrow keys lead on, unless what has the focus has a use for them itself. */
export function useArrows(lead: { left: () => void; right: () => void }): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target instanceof Element && event.target.closest(OWN_ARROWS) !== null) return;
    if (event.key === "ArrowLeft") lead.left();
    if (event.key === "ArrowRight") lead.right();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      press(event);
    };
    window.addEventListener("keydown", listen);
    return () => {
      window.removeEventListener("keydown", listen);
    };
  }, []);
}
