import { Brush, Eraser, Hand, Maximize, Redo2, Trash2, Undo2, ZoomIn, ZoomOut } from "lucide-react";
import type { ReactNode } from "react";
import { Button, ToggleButton, ToggleButtonGroup, Toolbar } from "react-aria-components";

import fields from "../fields/fields.module.css";
import { NumberSetting } from "../fields/number-setting.js";
import styles from "./mask-canvas.module.css";

/** What a pointer does. */
export type Tool = "paint" | "erase" | "move";

interface MaskToolbarProps {
  tool: Tool;
  onTool: (tool: Tool) => void;
  /** The brush's width as a share of the image's shorter side. */
  brush: number;
  onBrush: (brush: number) => void;
  canUndo: boolean;
  canRedo: boolean;
  isBlank: boolean;
  onUndo: () => void;
  onRedo: () => void;
  onClear: () => void;
  onZoom: (factor: number) => void;
  onFit: () => void;
}

/** The smallest and the largest brush. */
export const BRUSHES = { min: 0.01, max: 0.5 } as const;

const ICON = { size: 18, strokeWidth: 1.75, "aria-hidden": true } as const;
const ZOOM = 1.5;

const TOOLS: readonly { id: Tool; label: string; icon: ReactNode }[] = [
  { id: "paint", label: "Brush", icon: <Brush {...ICON} /> },
  { id: "erase", label: "Eraser", icon: <Eraser {...ICON} /> },
  { id: "move", label: "Move the picture", icon: <Hand {...ICON} /> },
];

/** All that can be done to a mask beside painting. */
export function MaskToolbar(props: MaskToolbarProps) {
  const { tool, onTool, brush, onBrush } = props;
  return (
    <div className={styles["tools"]}>
      <Toolbar aria-label="Mask tools" className={styles["toolbar"] ?? ""}>
        <ToggleButtonGroup
          aria-label="Tool"
          className={styles["group"] ?? ""}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[tool]}
          onSelectionChange={([chosen]) => onTool(TOOLS.find(({ id }) => id === chosen)?.id ?? tool)}
        >
          {TOOLS.map(({ id, label, icon }) => (
            <ToggleButton key={id} id={id} aria-label={label} className={fields["button"] ?? ""}>
              {icon}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
        <div className={styles["group"]}>
          <Act label="Undo" icon={<Undo2 {...ICON} />} onPress={props.onUndo} isDisabled={!props.canUndo} />
          <Act label="Redo" icon={<Redo2 {...ICON} />} onPress={props.onRedo} isDisabled={!props.canRedo} />
          <Act label="Clear the mask" icon={<Trash2 {...ICON} />} onPress={props.onClear} isDisabled={props.isBlank} />
        </div>
        <div className={styles["group"]}>
          <Act label="Zoom out" icon={<ZoomOut {...ICON} />} onPress={() => props.onZoom(1 / ZOOM)} />
          <Act label="Zoom in" icon={<ZoomIn {...ICON} />} onPress={() => props.onZoom(ZOOM)} />
          <Act label="Whole picture" icon={<Maximize {...ICON} />} onPress={props.onFit} />
        </div>
      </Toolbar>
      <div className={styles["brush"]}>
        <NumberSetting label="Brush size" value={brush} onChange={onBrush} {...BRUSHES} step={0.01} isPercent />
      </div>
    </div>
  );
}

interface ActProps {
  label: string;
  icon: ReactNode;
  onPress: () => void;
  isDisabled?: boolean;
}

function Act({ label, icon, onPress, isDisabled = false }: ActProps) {
  return (
    <Button className={fields["button"] ?? ""} aria-label={label} onPress={onPress} isDisabled={isDisabled}>
      {icon}
    </Button>
  );
}
