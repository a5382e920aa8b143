import { Dices, Lock, LockOpen } from "lucide-react";
import { Button, Input, Label, NumberField, ToggleButton } from "react-aria-components";

import { MAX_SEED } from "../../settings/limits.js";
import type { GenerationSettings } from "../../settings/settings.js";
import { SettingError } from "../fields/field-error.js";
import fields from "../fields/fields.module.css";
import styles from "./parameter-controls.module.css";

type Seed = Pick<GenerationSettings, "seed" | "seedLocked">;

interface SeedSettingProps {
  value: Seed & { n: number };
  onChange: (seed: Seed) => void;
  error?: string | undefined;
}

/** Locked: the same pictures again. Open: new ones each time. Who writes or rolls a seed wants to keep it. */
export function SeedSetting({ value: { seed, seedLocked, n }, onChange, error }: SeedSettingProps) {
  return (
    <div className={fields["setting"]}>
      <NumberField
        value={seedLocked && seed !== null ? seed : NaN}
        onChange={(written) => onChange(Number.isNaN(written) ? { seed, seedLocked: false } : locked(written))}
        minValue={0}
        maxValue={MAX_SEED - n}
        step={1}
        formatOptions={{ useGrouping: false }}
        isInvalid={error !== undefined}
      >
        <Label className={fields["label"]}>Seed</Label>
        <div className={styles["seed"]}>
          <Input className={`${fields["input"]} ${fields["boxed"]}`} placeholder="new each time" />
          <ToggleButton
            slot={null}
            className={fields["button"] ?? ""}
            aria-label="Keep the seed"
            isSelected={seedLocked}
            onChange={(isLocked) => onChange(isLocked ? locked(seed ?? drawnSeed()) : { seed, seedLocked: false })}
          >
            {seedLocked ? (
              <Lock size={16} strokeWidth={1.75} aria-hidden />
            ) : (
              <LockOpen size={16} strokeWidth={1.75} aria-hidden />
            )}
          </ToggleButton>
          <Button
            slot={null}
            className={fields["button"] ?? ""}
            aria-label="Draw a seed"
            onPress={() => onChange(locked(drawnSeed()))}
          >
            <Dices size={16} strokeWidth={1.75} aria-hidden />
          </Button>
        </div>
      </NumberField>
      <SettingError>{error}</SettingError>
    </div>
  );
}

function locked(seed: number): Seed {
  return { seed, seedLocked: true };
}

/** Of 32 bits: short enough to be read out, and every service takes it. */
function drawnSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
