import { Button } from "../ui/Button.js";
import { duration } from "../words/numbers.js";
import css from "./DevelopButton.module.css";
import type { Develop } from "./useDevelop.js";

/** The one thing to do; and, if it could not be done, why, and when it can be. */
export function DevelopButton({ develop, isDisabled }: { develop: Develop; isDisabled: boolean }) {
  const { submit, waitS, refusal } = develop;
  return (
    <div className={css.place}>
      <p className={css.refusal} role="alert">
        {refusal}
      </p>
      <Button
        variant="primary"
        className={css.button}
        onPress={submit}
        isDisabled={isDisabled || waitS > 0}
        aria-keyshortcuts="Control+Enter Meta+Enter"
      >
        {waitS > 0 ? `Again in ${duration(waitS)}` : "Develop"}
      </Button>
    </div>
  );
}
