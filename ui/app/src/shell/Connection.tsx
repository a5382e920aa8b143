import { type Standing, STANDING_WORDS } from "../service/standing.js";
import css from "./Connection.module.css";

/** How the service stands, in a dot and a word. */
export function Connection({ standing }: { standing: Standing }) {
  return (
    <p className={css.connection} data-standing={standing} role="status">
      <span className={css.dot} aria-hidden />
      <span className={css.word}>{STANDING_WORDS[standing]}</span>
    </p>
  );
}
