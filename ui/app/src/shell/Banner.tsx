import { type Standing, STANDING_SENTENCES } from "../service/standing.js";
import css from "./Banner.module.css";

/** What concerns the whole page, while it lasts. */
export function Banner({ standing }: { standing: Standing }) {
  const sentence = STANDING_SENTENCES[standing];
  return (
    <div role="status" className={css.place}>
      {sentence !== undefined && <p className={css.banner}>{sentence}</p>}
    </div>
  );
}
