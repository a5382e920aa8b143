/** The ids of jobs that a page has submitted and not seen the end of, kept over a reload. */

/** Where ids are kept. */
export interface IdStorage {
  read(): string[];
  write(ids: readonly string[]): void;
}

/** In the tab's own storage, apart for each service; without storage (a browser may refuse it) nothing is kept. */
export function sessionIds(baseUrl: string): IdStorage {
  const key = `darkroom.unfinished ${baseUrl}`;
  return {
    read: () => {
      try {
        const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
        return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
      } catch {
        return [];
      }
    },
    write: (ids) => {
      try {
        if (ids.length === 0) sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, JSON.stringify(ids));
      } catch {
        // a reload will forget them; the jobs run on
      }
    },
  };
}
