import { Input, NumberField, Slider, SliderFill, SliderThumb, SliderTrack } from "react-aria-components";

import { classNames } from "../class-names.js";
import { SettingError } from "./field-error.js";
import styles from "./fields.module.css";

interface NumberSettingProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
  min: number;
  max: number;
  /** Of both the field and the slider; 1 if absent. */
  step?: number;
  /** Where the slider begins and ends, if it need not reach as far as the field. */
  sliderMin?: number;
  sliderMax?: number;
  /** 1 is 100 %. */
  isPercent?: boolean;
  error?: string | undefined;
}

/** A number as a slider, and exactly as a field. Both keep it within bounds. */
export function NumberSetting(props: NumberSettingProps) {
  const { label, value, onChange, min, max, step = 1, isPercent = false, error } = props;
  const { sliderMin = min, sliderMax = max } = props;
  return (
    <div className={classNames(styles["setting"], error !== undefined && styles["invalid"])}>
      <div className={styles["head"]}>
        <span className={styles["label"]} aria-hidden="true">
          {label}
        </span>
        <NumberField
          aria-label={label}
          value={value}
          onChange={(next) => {
            if (!Number.isNaN(next)) onChange(next); // an emptied field keeps what it had
          }}
          minValue={min}
          maxValue={max}
          step={step}
          isInvalid={error !== undefined}
          formatOptions={isPercent ? PERCENT : { maximumFractionDigits: 2 }}
        >
          <Input className={styles["input"] ?? ""} />
        </NumberField>
      </div>
      <Slider
        aria-label={label}
        className={styles["slider"] ?? ""}
        value={Math.min(Math.max(value, sliderMin), sliderMax)}
        onChange={onChange}
        minValue={sliderMin}
        maxValue={sliderMax}
        step={step}
        {...(isPercent && { formatOptions: PERCENT })}
      >
        <SliderTrack className={styles["track"] ?? ""}>
          <div className={styles["rail"]}>
            <SliderFill className={styles["fill"] ?? ""} />
          </div>
          <SliderThumb className={styles["thumb"] ?? ""} />
        </SliderTrack>
      </Slider>
      <SettingError>{error}</SettingError>
    </div>
  );
}

const PERCENT = { style: "percent" } as const;
