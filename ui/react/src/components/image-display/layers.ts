/** Which pictures lie on top of each other while one fades into the next. Pure. */

/** One picture in the stack. */
export interface Layer {
  readonly src: string;
  /** Decoded: it may be shown. */
  readonly isLoaded: boolean;
}

/** At most two pictures: one that is seen, and above it one that comes. */
export interface Layers {
  readonly seen: Layer | undefined;
  readonly coming: Layer | undefined;
  /** What could not be loaded, and how often that was tried. Forgotten once it could be. */
  readonly failed: { readonly src: string; readonly times: number } | undefined;
}

/** What happens to the stack; `src` says to which picture. `again` wants one that has failed once more. */
export interface LayerEvent {
  readonly kind: "wanted" | "again" | "loaded" | "faded" | "failed";
  readonly src: string;
}

export const NO_LAYERS: Layers = { seen: undefined, coming: undefined, failed: undefined };

/**
 * The stack after `event`. A new picture comes above the one that is seen; if another was still fading in, that one is
 * seen at once, and if it was still loading, it never will be.
 */
export function layered(layers: Layers, event: LayerEvent): Layers {
  const { seen, coming } = layers;
  const { src, kind } = event;
  switch (kind) {
    case "wanted": {
      const newest = coming ?? seen;
      if (newest?.src === src || layers.failed?.src === src) return layers;
      const below = coming?.isLoaded === true ? coming : seen;
      if (below?.src === src) return { ...layers, seen: below, coming: undefined };
      return { ...layers, seen: below, coming: { src, isLoaded: false } };
    }
    case "again":
      if (layers.failed?.src !== src || coming?.src === src) return layers;
      return { ...layers, seen: coming?.isLoaded === true ? coming : seen, coming: { src, isLoaded: false } };
    case "loaded":
      if (coming?.src !== src) return layers;
      return {
        seen,
        coming: { src, isLoaded: true },
        failed: layers.failed?.src === src ? undefined : layers.failed,
      };
    case "faded":
      return coming?.src === src && coming.isLoaded ? { ...layers, seen: coming, coming: undefined } : layers;
    case "failed":
      if (coming?.src !== src) return layers;
      return {
        seen,
        coming: undefined,
        failed: { src, times: layers.failed?.src === src ? layers.failed.times + 1 : 1 },
      };
  }
}
