import type { Model } from "@darkroom/client";
import { ChevronRight } from "lucide-react";
import { type ComponentPropsWithoutRef, useState } from "react";
import { Button, Disclosure, DisclosurePanel, Heading } from "react-aria-components";

import { limitsOf } from "../../settings/limits.js";
import type { GenerationSettings, ImageFormat } from "../../settings/settings.js";
import type { FieldErrors } from "../../settings/validate.js";
import { ChipsSetting } from "../fields/chips-setting.js";
import { ChoiceSetting } from "../fields/choice-setting.js";
import fields from "../fields/fields.module.css";
import { NumberSetting } from "../fields/number-setting.js";
import { classNames } from "../class-names.js";
import { LoraSetting } from "./lora-setting.js";
import styles from "./parameter-controls.module.css";
import { SeedSetting } from "./seed-setting.js";
import { SizeSetting } from "./size-setting.js";

/** The props of {@link ParameterControls}; what is left goes to its element. */
export interface ParameterControlsProps extends Omit<ComponentPropsWithoutRef<"div">, "onChange" | "children"> {
  /** Whose settings these are: only what it can do is shown. */
  model: Model;
  value: GenerationSettings;
  /** Is given the whole value, with one setting changed. */
  onChange: (value: GenerationSettings) => void;
  /** What is wrong, by field; see {@link validate} and {@link fieldErrors}. */
  errors?: FieldErrors | undefined;
}

/** As far as one usually goes; the field goes as far as the model does. */
const USUAL_GUIDANCE = 20;

const OWN_SAMPLER = "";

/** All settings of a generation but its words and pictures, within the model's bounds. */
export function ParameterControls({ model, value, onChange, errors = {}, className, ...rest }: ParameterControlsProps) {
  const [isOpen, setOpen] = useState(false);
  const can = model.capabilities;
  const limits = limitsOf(model);
  const change = (part: Partial<GenerationSettings>) => onChange({ ...value, ...part });
  const hasLoras = can.lora && (limits.loras.length > 0 || value.loras.length > 0);
  const isWrongWithin = [errors.sampler, errors.format, errors.quality, errors.loras].some((error) => error);
  return (
    <div {...rest} className={classNames(styles["controls"], className)}>
      <SizeSetting value={value} onChange={change} limits={limits} errors={errors} />
      {value.image !== undefined && can.img2img && (
        <NumberSetting
          label="Strength"
          value={value.strength}
          onChange={(strength) => change({ strength })}
          min={0.01}
          max={1}
          step={0.01}
          isPercent
          error={errors.strength}
        />
      )}
      <NumberSetting
        label="Steps"
        value={value.steps}
        onChange={(steps) => change({ steps })}
        min={1}
        max={limits.stepsOf(value.sampler)}
        error={errors.steps}
      />
      {can.supports_guidance && (
        <NumberSetting
          label="Guidance"
          value={value.guidance}
          onChange={(guidance) => change({ guidance })}
          min={0}
          max={limits.maxGuidance}
          sliderMax={Math.min(USUAL_GUIDANCE, limits.maxGuidance)}
          step={0.1}
          error={errors.guidance}
        />
      )}
      <NumberSetting
        label="Images"
        value={value.n}
        onChange={(n) => change({ n })}
        min={1}
        max={limits.maxN}
        error={errors.n}
      />
      <SeedSetting value={value} onChange={change} error={errors.seed} />
      <Disclosure isExpanded={isOpen || isWrongWithin} onExpandedChange={setOpen} className={styles["more"] ?? ""}>
        <Heading level={3} className={styles["moreHead"] ?? ""}>
          <Button slot="trigger" className={fields["button"] ?? ""}>
            <ChevronRight size={16} strokeWidth={1.75} aria-hidden className={styles["chevron"]} />
            More
          </Button>
        </Heading>
        <DisclosurePanel className={styles["panel"] ?? ""}>
          {limits.samplers.length > 0 && (
            <ChoiceSetting
              label="Sampler"
              choices={[
                { id: OWN_SAMPLER, label: "The model's own" },
                ...limits.samplers.map((name) => ({ id: name, label: name })),
              ]}
              value={value.sampler ?? OWN_SAMPLER}
              onChange={(name) => change({ sampler: name === OWN_SAMPLER ? null : name })}
              error={errors.sampler}
            />
          )}
          <ChipsSetting
            label="Format"
            chips={limits.formats.map((format) => ({ id: format, label: format.toUpperCase() }))}
            value={value.format}
            onChange={(format) => change({ format: format as ImageFormat })}
            error={errors.format}
          />
          {value.format !== "png" && (
            <NumberSetting
              label="Quality"
              value={value.quality}
              onChange={(quality) => change({ quality })}
              min={1}
              max={100}
              error={errors.quality}
            />
          )}
          {hasLoras && (
            <LoraSetting
              value={value.loras}
              onChange={(loras) => change({ loras })}
              limits={limits}
              error={errors.loras}
            />
          )}
        </DisclosurePanel>
      </Disclosure>
    </div>
  );
}
