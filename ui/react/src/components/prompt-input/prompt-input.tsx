import type { KeyboardEvent } from "react";
import { Label, Text, TextArea, TextField } from "react-aria-components";

import { classNames } from "../class-names.js";
import { SettingError } from "../fields/field-error.js";
import fields from "../fields/fields.module.css";
import styles from "./prompt-input.module.css";

/** The props of {@link PromptInput}. */
export interface PromptInputProps {
  value: string;
  onChange: (prompt: string) => void;
  /** What to keep away from. */
  negative?: string | undefined;
  onNegativeChange?: ((negative: string) => void) | undefined;
  /** Whether the model takes a negative prompt; without, or without `onNegativeChange`, there is no field for one. */
  supportsNegative: boolean;
  /** What is wrong with the prompt. */
  error?: string | undefined;
  /** What is wrong with the negative one. */
  negativeError?: string | undefined;
  /** Ctrl+Enter, or ⌘+Enter. */
  onSubmit: () => void;
  /** Characters at most; no more can be written. */
  maxLength?: number | undefined;
  /** Whether the label is only for those who can't see the field; it stays visible if absent. */
  isLabelHidden?: boolean;
  className?: string | undefined;
}

/** How full a field is before it says so. */
const NEARLY_FULL = 0.8;

/** The words: what to paint and, where the model takes it, what to keep away from. Both grow with what is written. */
export function PromptInput(props: PromptInputProps) {
  const { value, onChange, negative = "", onNegativeChange, supportsNegative, error, negativeError } = props;
  const { onSubmit, maxLength, isLabelHidden = false, className } = props;
  const submitted = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    onSubmit();
  };
  const shared = { maxLength, isLabelHidden, onKeyDown: submitted };
  return (
    <div className={classNames(styles["prompt"], className)}>
      <Words
        {...shared}
        label="Prompt"
        value={value}
        onChange={onChange}
        placeholder="What shall appear?"
        error={error}
      />
      {supportsNegative && onNegativeChange !== undefined && (
        <Words
          {...shared}
          label="Keep away from"
          value={negative}
          onChange={onNegativeChange}
          error={negativeError}
          isMinor
        />
      )}
    </div>
  );
}

interface WordsProps {
  label: string;
  value: string;
  onChange: (words: string) => void;
  onKeyDown: (event: KeyboardEvent) => void;
  maxLength: number | undefined;
  isLabelHidden: boolean;
  isMinor?: boolean;
  placeholder?: string;
  error?: string | undefined;
}

function Words(props: WordsProps) {
  const { label, value, onChange, onKeyDown, maxLength, isLabelHidden, isMinor = false, placeholder, error } = props;
  const isNearlyFull = maxLength !== undefined && value.length > NEARLY_FULL * maxLength;
  return (
    <TextField
      className={fields["setting"] ?? ""}
      value={value}
      onChange={onChange}
      isInvalid={error !== undefined}
      {...(maxLength !== undefined && { maxLength })}
    >
      <Label className={isLabelHidden ? styles["hidden"] : fields["label"]}>{label}</Label>
      <TextArea
        className={classNames(styles["words"], isMinor && styles["minor"])}
        rows={isMinor ? 1 : 3}
        placeholder={placeholder}
        onKeyDown={onKeyDown}
        aria-keyshortcuts="Control+Enter Meta+Enter"
      />
      {isNearlyFull && (
        <Text slot="description" className={styles["count"] ?? ""}>
          {maxLength - value.length} characters left
        </Text>
      )}
      <SettingError>{error}</SettingError>
    </TextField>
  );
}
