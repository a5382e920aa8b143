import { Check, ChevronDown } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";

import { loadOf } from "../words/models.js";
import { useComposition } from "./Composition.js";
import css from "./ModelPicker.module.css";

/** Which model; each with how it stands. */
export function ModelPicker() {
  const { models, model, choose } = useComposition();
  return (
    <Select
      className={css.picker}
      value={model?.id ?? null}
      onChange={(id) => {
        if (id !== null) choose(String(id));
      }}
      isDisabled={models.length === 0}
      placeholder="No model yet"
    >
      <Label className={css.label}>Model</Label>
      <Button className={css.button}>
        <SelectValue className={css.value} />
        <ChevronDown size={16} strokeWidth={1.75} aria-hidden />
      </Button>
      <Popover className={css.popover}>
        <ListBox className={css.list} items={models}>
          {(item) => (
            <ListBoxItem id={item.id} textValue={item.id} className={css.item}>
              {({ isSelected }) => (
                <>
                  <span className={css.dot} data-state={item.state} aria-hidden />
                  <span className={css.name}>{item.id}</span>
                  <span className={css.load}>{loadOf(item)}</span>
                  <Check className={css.check} size={16} strokeWidth={2} aria-hidden data-shown={isSelected} />
                </>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
