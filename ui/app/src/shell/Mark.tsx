import css from "./Header.module.css";

/** A sheet of paper, and the light that rises in it. */
export function Mark() {
  return (
    <svg className={css.mark} viewBox="0 0 32 32" width="24" height="24" aria-hidden>
      <rect
        x="4.5"
        y="4.5"
        width="23"
        height="23"
        rx="4"
        fill="none"
        stroke="currentColor"
        strokeOpacity="0.55"
        strokeWidth="2"
      />
      <path d="M8.5 22.5a7.5 7.5 0 0 1 15 0z" fill="currentColor" />
    </svg>
  );
}
