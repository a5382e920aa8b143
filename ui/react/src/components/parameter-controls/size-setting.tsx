import { ArrowLeftRight } from "lucide-react";
import { useState } from "react";
import { Button, Input, Label, NumberField } from "react-aria-components";

import type { FieldErrors } from "../../settings/validate.js";
import type { Limits, Size } from "../../settings/limits.js";
import { type Chip, ChipsSetting } from "../fields/chips-setting.js";
import fields from "../fields/fields.module.css";
import styles from "./parameter-controls.module.css";

interface SizeSettingProps {
  value: Size;
  onChange: (size: Size) => void;
  limits: Limits;
  errors: FieldErrors;
}

const CUSTOM = "custom";

/** The sizes that the model was trained for, and any other one within its bounds. */
export function SizeSetting({ value, onChange, limits, errors }: SizeSettingProps) {
  const [isCustom, setCustom] = useState(false);
  const { width, height } = value;
  const preset = limits.sizes.find((size) => size.width === width && size.height === height);
  const isFree = isCustom || preset === undefined;
  const chips: Chip[] = limits.sizes.map((size) => ({ id: idOf(size), label: idOf(size), icon: <Shape {...size} /> }));
  const choose = (id: string) => {
    const chosen = limits.sizes.find((size) => idOf(size) === id);
    setCustom(chosen === undefined);
    if (chosen !== undefined) onChange(chosen);
  };
  return (
    <ChipsSetting
      label="Size"
      chips={[...chips, { id: CUSTOM, label: "Other" }]}
      value={isFree ? CUSTOM : idOf(value)}
      onChange={choose}
      error={errors.width ?? errors.height}
    >
      {isFree && (
        <div className={styles["sides"]}>
          <Side label="Width" value={width} onChange={(side) => onChange({ width: side, height })} limits={limits} />
          <Button
            className={fields["button"] ?? ""}
            aria-label="Swap width and height"
            onPress={() => onChange({ width: height, height: width })}
          >
            <ArrowLeftRight size={16} strokeWidth={1.75} aria-hidden />
          </Button>
          <Side label="Height" value={height} onChange={(side) => onChange({ width, height: side })} limits={limits} />
        </div>
      )}
    </ChipsSetting>
  );
}

interface SideProps {
  label: string;
  value: number;
  onChange: (pixels: number) => void;
  limits: Limits;
}

function Side({ label, value, onChange, limits: { granularity, minSide, maxSide } }: SideProps) {
  return (
    <NumberField
      className={styles["side"] ?? ""}
      value={value}
      onChange={(pixels) => {
        if (!Number.isNaN(pixels)) onChange(pixels);
      }}
      minValue={Math.ceil(minSide / granularity) * granularity}
      maxValue={maxSide}
      step={granularity}
      formatOptions={{ useGrouping: false }}
    >
      <Label className={fields["label"]}>{label}</Label>
      <Input className={`${fields["input"]} ${fields["boxed"]}`} />
    </NumberField>
  );
}

/** The picture's shape, as large in area as all others. */
function Shape({ width, height }: Size) {
  const across = 12 * Math.sqrt(width / height);
  const down = 144 / across;
  return (
    <svg width={18} height={18} viewBox="-9 -9 18 18" className={styles["shape"]} aria-hidden>
      <rect x={-across / 2} y={-down / 2} width={across} height={down} rx={1.5} />
    </svg>
  );
}

function idOf({ width, height }: Size): string {
  return `${width} × ${height}`;
}
