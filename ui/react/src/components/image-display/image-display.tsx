import { type ComponentPropsWithoutRef, useEffect, useReducer } from "react";

import type { DevelopingImage } from "../../develop/developing.js";
import { classNames } from "../class-names.js";
import styles from "./image-display.module.css";
import { type Layer, layered, NO_LAYERS } from "./layers.js";

/** The props of {@link ImageDisplay}; what is left goes to its element. */
export interface ImageDisplayProps extends Omit<ComponentPropsWithoutRef<"figure">, "children"> {
  image: DevelopingImage;
  /** Width through height, kept from the first moment on; the image's own if absent, or square. */
  aspect?: number | undefined;
  /** What it shows, in words; "" where that is said beside it. */
  alt: string;
  /** Whether the picture lights its surroundings. */
  glow?: boolean | undefined;
  /** Nothing more will come: a place without a picture is still. */
  isOver?: boolean | undefined;
}

/** A little longer than the style sheet's fade. */
const FADED_MS = 600;

/** When a finished image that could not be loaded is asked for again, after each failure: a service that restarts takes less. */
const AGAIN_MS = [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000];

/**
 * An image as it develops: each preview fades into the next one, and the last into the finished image. It keeps its
 * place and shape from before the first preview on. A finished image that can't be loaded is asked for again, for two
 * minutes.
 */
export function ImageDisplay(props: ImageDisplayProps) {
  const { image, aspect, alt, glow = false, isOver = false, className, style, ...rest } = props;
  const { url, preview, step, total, width, height } = image;
  const [layers, tell] = useReducer(layered, NO_LAYERS);
  const { seen, coming, failed } = layers;
  const failures = url !== undefined && failed?.src === url ? failed.times : 0;
  const wanted = url !== undefined && failures === 0 ? url : preview;

  useEffect(() => {
    if (wanted !== undefined) tell({ kind: "wanted", src: wanted });
  }, [wanted]);
  const fading = coming?.isLoaded === true ? coming.src : undefined;
  useEffect(() => {
    if (fading === undefined) return;
    const timer = setTimeout(() => {
      tell({ kind: "faded", src: fading });
    }, FADED_MS);
    return () => clearTimeout(timer);
  }, [fading]);

  const againMs = failures > 0 ? AGAIN_MS[failures - 1] : undefined;
  useEffect(() => {
    if (url === undefined || againMs === undefined) return;
    const timer = setTimeout(() => {
      tell({ kind: "again", src: url });
    }, againMs);
    return () => clearTimeout(timer);
  }, [url, failures, againMs]);

  const shape = aspect ?? (width !== undefined && height !== undefined ? width / height : 1);
  const isFinished = url !== undefined;
  const left = isFinished || total === 0 ? 0 : 1 - step / total;
  const light = seen ?? (coming?.isLoaded === true ? coming : undefined);
  // a blurred preview is clear at its edges: there it shows itself
  const under = seen !== undefined && seen.src !== url ? `url("${seen.src}")` : undefined;
  const shown = (layer: Layer) => (
    <img
      key={layer.src}
      className={classNames(styles["layer"], layer.src !== url && styles["preview"])}
      data-loaded={layer.isLoaded}
      data-seen={layer === seen}
      src={layer.src}
      alt={layer === (fading === undefined ? seen : coming) ? alt : ""}
      decoding="async"
      onLoad={() => tell({ kind: "loaded", src: layer.src })}
      onError={() => tell({ kind: "failed", src: layer.src })}
    />
  );
  return (
    <figure
      {...rest}
      className={classNames(styles["display"], className)}
      style={{ ...style, aspectRatio: shape, ["--left" as string]: left }}
      data-finished={isFinished}
    >
      {glow && light !== undefined && (
        <img key="glow" className={styles["glow"]} src={preview ?? light.src} alt="" aria-hidden="true" />
      )}
      <div className={styles["frame"]} data-empty={light === undefined && !isOver} style={{ backgroundImage: under }}>
        {seen !== undefined && shown(seen)}
        {coming !== undefined && shown(coming)}
      </div>
      {failures > 0 && (
        <figcaption className={styles["missing"]} role="alert">
          {againMs === undefined
            ? "The finished image could not be loaded"
            : "The finished image is still to be loaded"}
        </figcaption>
      )}
    </figure>
  );
}
