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
  /** What could not be loaded. */
  readonly failed: string | undefined;
}

/** What happens to the stack; `src` says to which picture. */
export type LayerEvent = { readonly src: string } & (
  { readonly kind: "wanted" } | { readonly kind: "loaded" } | { readonly kind: "faded" } | { readonly kind: "failed" }
);

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
      if (newest?.src === src || layers.failed === src) return layers;
      const below = coming?.isLoaded === true ? coming : seen;
      if (below?.src === src) return { ...layers, seen: below, coming: undefined };
      return { ...layers, seen: below, coming: { src, isLoaded: false } };
    }
    case "loaded":
      return coming?.src === src ? { ...layers, coming: { src, isLoaded: true } } : layers;
    case "faded":
      return coming?.src === src && coming.isLoaded ? { ...layers, seen: coming, coming: undefined } : layers;
    case "failed":
      return coming?.src === src ? { ...layers, coming: undefined, failed: src } : layers;
  }
}
