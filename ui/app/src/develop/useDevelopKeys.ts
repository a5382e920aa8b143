import { useEffect, useEffectEvent } from "react";

/** Ctrl+Enter, or ⌘+Enter, develops from anywhere on the page but a dialog. */
export function useDevelopKeys(develop: () => void): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented || event.repeat) return;
    if (event.target instanceof Element && event.target.closest("[role=dialog], [role=alertdialog]") !== null) return;
    event.preventDefault();
    develop();
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
