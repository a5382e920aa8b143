import type { CSSProperties } from "react";

import { Button } from "../ui/Button.js";
import { useComposition } from "./Composition.js";
import css from "./EmptyStage.module.css";

const EXAMPLES = ["A sunset over mountains", "A lighthouse by a stormy sea", "An orange cat in the desert at night"];

/** A sheet that nothing was exposed on yet, in the shape that is set, and a few words to begin with. */
export function EmptyStage() {
  const { settings, change } = useComposition();
  const aspect = settings === undefined ? 1 : settings.width / settings.height;
  return (
    <div className={css.empty}>
      <div className={css.sheet} style={{ "--aspect": aspect } as CSSProperties}>
        <h2 className={css.title}>Say what you want to see</h2>
        <p className={css.text}>It develops here, step by step.</p>
        <ul className={css.examples} aria-label="Examples">
          {EXAMPLES.map((prompt) => (
            <li key={prompt}>
              <Button
                variant="bare"
                isDisabled={settings === undefined}
                onPress={() => {
                  if (settings !== undefined) change({ ...settings, prompt });
                }}
              >
                {prompt}
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
