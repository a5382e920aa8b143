import { ChevronDown } from "lucide-react";
import { Button, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";

import css from "./Picker.module.css";

interface PickerProps {
  /** Read aloud; what is picked says it to the eye. */
  label: string;
  value: string;
  options: readonly { id: string; name: string }[];
  onChange: (id: string) => void;
}

/** One of a few words. */
export function Picker({ label, value, options, onChange }: PickerProps) {
  return (
    <Select
      aria-label={label}
      value={value}
      onChange={(id) => {
        if (id !== null) onChange(String(id));
      }}
    >
      <Button className={css.button}>
        <SelectValue />
        <ChevronDown size={16} strokeWidth={1.75} aria-hidden />
      </Button>
      <Popover className={css.popover}>
        <ListBox className={css.list} items={options}>
          {({ id, name }) => (
            <ListBoxItem id={id} className={css.item}>
              {name}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
