import { X } from "lucide-react";
import { Button } from "react-aria-components";

import type { Limits } from "../../settings/limits.js";
import type { LoraSetting as Lora } from "../../settings/settings.js";
import { ChoiceSetting } from "../fields/choice-setting.js";
import { SettingError } from "../fields/field-error.js";
import fields from "../fields/fields.module.css";
import { NumberSetting } from "../fields/number-setting.js";
import styles from "./parameter-controls.module.css";

interface LoraSettingProps {
  value: readonly Lora[];
  onChange: (loras: Lora[]) => void;
  limits: Limits;
  error?: string | undefined;
}

/** Beyond this a LoRA breaks more pictures than it makes; the field goes as far as the model does. */
const USUAL_SCALE = 2;

/** The LoRAs that act, each with its scale, and those that may be added. */
export function LoraSetting({ value, onChange, limits, error }: LoraSettingProps) {
  const left = limits.loras.filter((name) => value.every((lora) => lora.name !== name));
  return (
    <div className={styles["loras"]} role="group" aria-label="LoRAs">
      {value.map((lora) => (
        <div key={lora.name} className={styles["lora"]}>
          <NumberSetting
            label={lora.name}
            value={lora.scale}
            onChange={(scale) => onChange(value.map((one) => (one === lora ? { ...one, scale } : one)))}
            min={-limits.maxLoraScale}
            max={limits.maxLoraScale}
            sliderMin={-Math.min(USUAL_SCALE, limits.maxLoraScale)}
            sliderMax={Math.min(USUAL_SCALE, limits.maxLoraScale)}
            step={0.05}
          />
          <Button
            className={fields["button"] ?? ""}
            aria-label={`Remove ${lora.name}`}
            onPress={() => onChange(value.filter((one) => one !== lora))}
          >
            <X size={16} strokeWidth={1.75} aria-hidden />
          </Button>
        </div>
      ))}
      {left.length > 0 && value.length < limits.maxLoras && (
        <ChoiceSetting
          label="Add a LoRA"
          placeholder="none chosen"
          choices={left.map((name) => ({ id: name, label: name }))}
          value={null}
          onChange={(name) => onChange([...value, { name, scale: 1 }])}
        />
      )}
      <SettingError>{error}</SettingError>
    </div>
  );
}
