import { X } from "lucide-react";
import type { ComponentPropsWithoutRef } from "react";
import { Button, ProgressBar } from "react-aria-components";

import { type Developing, isOver } from "../../develop/developing.js";
import { announcement, duration, inWords, progressOf, stepOf } from "../../develop/progress.js";
import type { Connection } from "../../jobs/job-store.js";
import { classNames } from "../class-names.js";
import fields from "../fields/fields.module.css";
import styles from "./generation-progress.module.css";

/** The props of {@link GenerationProgress}; what is left goes to its element. */
export interface GenerationProgressProps extends Omit<ComponentPropsWithoutRef<"div">, "children"> {
  developing: Developing;
  /** How its stream stands. */
  connection: Connection;
  /** Without it there is nothing to cancel by. */
  onCancel?: (() => void) | undefined;
}

/** How far a job is: its place in the queue, its steps, its end. A screen reader hears what changes, not each step. */
export function GenerationProgress({ developing, connection, onCancel, className, ...rest }: GenerationProgressProps) {
  const share = progressOf(developing);
  const step = stepOf(developing);
  const over = isOver(developing);
  const { status, etaS } = developing;
  const words = inWords(developing, connection);
  return (
    <div {...rest} className={classNames(styles["progress"], className)} data-status={status}>
      <ProgressBar
        className={styles["bar"] ?? ""}
        aria-label="Progress"
        value={(share ?? 0) * 100}
        isIndeterminate={share === undefined && !over}
        valueLabel={step === undefined ? words : `Step ${step.step} of ${step.total}`}
      >
        <div className={styles["words"]}>
          <span className={styles["state"]}>{words}</span>
          <span className={styles["count"]}>
            {step !== undefined && `${step.step} / ${step.total}`}
            {step === undefined && status === "queued" && etaS !== undefined && duration(etaS)}
          </span>
        </div>
        <div className={classNames(styles["track"], share === undefined && !over && styles["unknown"])}>
          <div className={styles["fill"]} style={{ transform: `scaleX(${share ?? 0})` }} />
        </div>
      </ProgressBar>
      {!over && onCancel !== undefined && (
        <Button className={fields["button"] ?? ""} onPress={onCancel}>
          <X size={16} strokeWidth={1.75} aria-hidden />
          Cancel
        </Button>
      )}
      <div role="status" className={styles["spoken"]}>
        {connection === "reconnecting" ? words : announcement(developing)}
      </div>
    </div>
  );
}
