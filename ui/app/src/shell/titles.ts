/** What the pages are called. Pure. */

const TITLES: Readonly<Record<string, string>> = {
  "/": "Darkroom",
  "/gallery": "Gallery",
  "/operations": "Operations",
};

/** The page at `place`, as its tab says it. */
export function titleOf(place: string): string {
  return TITLES[place] ?? (place.startsWith("/jobs/") ? "A picture" : "Nothing here");
}
