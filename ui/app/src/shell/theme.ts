/** Which of the two themes: the system's, until somebody chooses. */

import { keep, recalled } from "./storage.js";

export type Theme = "dark" | "light";

const KEY = "darkroom.theme";

/** What was chosen here before. */
export function chosenTheme(): Theme | undefined {
  const chosen = recalled(KEY);
  return chosen === "dark" || chosen === "light" ? chosen : undefined;
}

/** What is shown: what was chosen, else what the system has. */
export function currentTheme(): Theme {
  return chosenTheme() ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

/** Shows `theme`, and keeps it for the next visit. */
export function chooseTheme(theme: Theme): void {
  keep(KEY, theme);
  applyTheme();
}

/** Tells the stylesheet what was chosen; before the first paint, so that nothing flashes. */
export function applyTheme(): void {
  const chosen = chosenTheme();
  if (chosen === undefined) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
