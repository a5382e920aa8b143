import type { ReactNode } from "react";
import { Label, RadioButton, RadioField, RadioGroup } from "react-aria-components";

import { SettingError } from "./field-error.js";
import styles from "./fields.module.css";

/** One chip. */
export interface Chip {
  readonly id: string;
  readonly label: string;
  readonly icon?: ReactNode;
}

interface ChipsSettingProps {
  label: string;
  chips: readonly Chip[];
  /** The `id` of one of them. */
  value: string;
  onChange: (id: string) => void;
  error?: string | undefined;
  /** What belongs to the setting, under the chips. */
  children?: ReactNode;
}

/** One of a few that are all in sight. */
export function ChipsSetting({ label, chips, value, onChange, error, children }: ChipsSettingProps) {
  return (
    <RadioGroup
      className={styles["setting"] ?? ""}
      value={value}
      onChange={onChange}
      orientation="horizontal"
      isInvalid={error !== undefined}
    >
      <Label className={styles["label"]}>{label}</Label>
      <div className={styles["chips"]}>
        {chips.map((chip) => (
          <RadioField key={chip.id} value={chip.id} className={styles["chipField"] ?? ""}>
            <RadioButton className={styles["chip"] ?? ""}>
              {chip.icon}
              {chip.label}
            </RadioButton>
          </RadioField>
        ))}
      </div>
      {children}
      <SettingError>{error}</SettingError>
    </RadioGroup>
  );
}
