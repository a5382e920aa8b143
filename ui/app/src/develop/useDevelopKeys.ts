import { useEffect, useEffectEvent } from "react";

/**
 * Ctrl+Enter, or ⌘+Enter, develops from anywhere on the page but a dialog. It comes before whatever has the focus: chips
 * and buttons keep all keys to themselves.
 */
export function useDevelopKeys(develop: () => void): void {
  const developNow = useEffectEvent(() => {
    develop();
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
      if (event.target instanceof Element && event.target.closest("[role=dialog], [role=alertdialog]") !== null) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.repeat) return;
      finishTyping();
      setTimeout(developNow);
    };
    window.addEventListener("keydown", press, { capture: true });
    return () => {
      window.removeEventListener("keydown", press, { capture: true });
    };
  }, []);
}

/** A number counts once one leaves its field. */
function finishTyping(): void {
  const { activeElement } = document;
  if (!(activeElement instanceof HTMLInputElement)) return;
  activeElement.blur();
  activeElement.focus();
}
