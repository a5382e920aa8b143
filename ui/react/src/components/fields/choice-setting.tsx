import { ChevronDown } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";

import { SettingError } from "./field-error.js";
import styles from "./fields.module.css";

/** One thing to choose. */
export interface Choice {
  readonly id: string;
  readonly label: string;
}

interface ChoiceSettingProps {
  label: string;
  choices: readonly Choice[];
  /** The `id` of one of them; `null` shows the placeholder. */
  value: string | null;
  onChange: (id: string) => void;
  placeholder?: string;
  error?: string | undefined;
}

/** One of several, in a list that opens. */
export function ChoiceSetting({ label, choices, value, onChange, placeholder, error }: ChoiceSettingProps) {
  return (
    <Select
      className={styles["setting"] ?? ""}
      value={value}
      onChange={(id) => {
        if (id !== null) onChange(String(id));
      }}
      isInvalid={error !== undefined}
      {...(placeholder !== undefined && { placeholder })}
    >
      <Label className={styles["label"]}>{label}</Label>
      <Button className={`${styles["button"]} ${styles["select"]}`}>
        <SelectValue />
        <ChevronDown size={16} strokeWidth={1.75} aria-hidden />
      </Button>
      <SettingError>{error}</SettingError>
      <Popover className={styles["popover"] ?? ""}>
        <ListBox className={styles["list"] ?? ""} items={choices}>
          {(choice) => (
            <ListBoxItem id={choice.id} className={styles["option"] ?? ""}>
              {choice.label}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
