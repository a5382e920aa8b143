import styles from "./fields.module.css";

/** What is wrong with a setting, spoken when it appears. */
export function SettingError({ id, children }: { id?: string | undefined; children: string | undefined }) {
  if (children === undefined) return null;
  return (
    <p id={id} className={styles["error"]} role="alert">
      {children}
    </p>
  );
}
