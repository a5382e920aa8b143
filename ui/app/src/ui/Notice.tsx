import type { ReactNode } from "react";

import css from "./Notice.module.css";

interface NoticeProps {
  title: string;
  text?: string;
  /** What can be done about it. */
  children?: ReactNode;
}

/** What stands where there is nothing else to show. */
export function Notice({ title, text, children }: NoticeProps) {
  return (
    <section className={css.notice}>
      <h1 className={css.title}>{title}</h1>
      {text !== undefined && <p className={css.text}>{text}</p>}
      {children !== undefined && <div className={css.actions}>{children}</div>}
    </section>
  );
}
