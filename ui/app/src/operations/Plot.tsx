import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";

import css from "./Plot.module.css";
import { largest, newest, type Series } from "./series.js";

const WIDTH = 100;
const HEIGHT = 32;

interface PlotProps {
  title: string;
  /** What is drawn, as an area. */
  values: Series;
  /** A second line above it, and what it is called. */
  above?: { name: string; values: Series };
  /** The upper end of the scale is never below it, so that little looks like little. */
  atLeast: number;
  format: (value: number) => string;
  /** What the whole width stands for. */
  span: string;
}

/** Some minutes of one figure. */
export function Plot({ title, values, above, atLeast, format, span }: PlotProps) {
  const most = Math.max(atLeast, largest(values, above?.values ?? []));
  const x = scaleLinear([0, Math.max(1, values.length - 1)], [0, WIDTH]);
  const y = scaleLinear([0, most], [HEIGHT, 1]).nice(2);
  const isThere = (value: number | null) => value !== null;
  const at = (_: number | null, index: number) => x(index);
  const up = (value: number | null) => y(value ?? 0);
  const drawArea = area<number | null>().defined(isThere).x(at).y0(HEIGHT).y1(up);
  const drawLine = line<number | null>().defined(isThere).x(at).y(up);
  const now = newest(values);
  const summary = `${title}, the last ${span}: now ${now === undefined ? "nothing" : format(now)}, at most ${format(largest(values))}`;
  return (
    <figure className={css.plot}>
      <figcaption className={css.caption}>
        <span className={css.title}>{title}</span>
        <span className={css.now}>{now === undefined ? "–" : format(now)}</span>
      </figcaption>
      <svg
        className={css.drawing}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        <path className={css.area} d={drawArea(values) ?? undefined} />
        <path className={css.line} d={drawLine(values) ?? undefined} />
        {above !== undefined && <path className={css.above} d={drawLine(above.values) ?? undefined} />}
      </svg>
      <p className={css.scale} aria-hidden>
        <span>{span} ago</span>
        <span>
          {above !== undefined && <span className={css.key}>{above.name}</span>}
          {`to ${format(y.domain()[1] ?? most)}`}
        </span>
      </p>
    </figure>
  );
}
