/** What this browser keeps between visits. It may refuse: then all goes on, and nothing is kept. */

/** What was kept under `key`; `null` if nothing was. */
export function recalled(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keep `text` under `key`, if that can be. */
export function keep(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // full, or switched off
  }
}
