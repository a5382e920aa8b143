import { type KeyboardEvent, useId, useState } from "react";

import type { Size } from "../../settings/limits.js";
import type { SourcePicture } from "../../settings/settings.js";
import { classNames } from "../class-names.js";
import { SettingError } from "../fields/field-error.js";
import { commandOf, type KeyCommand } from "./keyboard.js";
import styles from "./mask-canvas.module.css";
import { BRUSHES, MaskToolbar, type Tool } from "./mask-toolbar.js";
import type { Point } from "./painting.js";
import { useImage } from "./use-image.js";
import { usePainting } from "./use-painting.js";
import { usePointers } from "./use-pointers.js";
import { useStage } from "./use-stage.js";
import { toWindow } from "./view.js";

/** The props of {@link MaskCanvas}. */
export interface MaskCanvasProps {
  /** What to paint over. */
  image: SourcePicture;
  /** The mask: white is repainted. What `onChange` has told may come back here. */
  value?: SourcePicture | undefined;
  /** Is given the mask after each stroke: a PNG of the image's size; `undefined` when nothing is masked any more. */
  onChange: (mask: Blob | undefined) => void;
  className?: string | undefined;
}

const FIRST_BRUSH = 0.12;

/**
 * Paint over what shall be made anew, with mouse, pen, fingers or keys. Two fingers, the wheel or the toolbar zoom and
 * move. On the picture the arrow keys move the brush, Space puts it down and lifts it, `[` and `]` change its size.
 */
export function MaskCanvas({ image, value, onChange, className }: MaskCanvasProps) {
  const { attach: attachImage, size, isBroken } = useImage(image);
  const { attach: attachStage, ...stage } = useStage(size);
  const { attach, painting, paint, isBlank, error } = usePainting(size, value, onChange);
  const [tool, setTool] = useState<Tool>("paint");
  const [brush, setBrush] = useState(FIRST_BRUSH);
  const [cursor, setCursor] = useState<Point>();
  const helpId = useId();

  const radius = (brush / 2) * Math.min(size?.width ?? 0, size?.height ?? 0);
  const pointers = usePointers({ stage, tool, radius, paint, onHover: setCursor });

  const obey = (command: KeyCommand, at: Size) => {
    const here = cursor ?? { x: at.width / 2, y: at.height / 2 };
    switch (command.kind) {
      case "step": {
        const point = {
          x: Math.min(at.width, Math.max(0, here.x + command.dx * radius)),
          y: Math.min(at.height, Math.max(0, here.y + command.dy * radius)),
        };
        setCursor(point);
        stage.show(point);
        if (painting.isDown) paint({ kind: "move", points: [point] });
        return;
      }
      case "toggle":
        setCursor(here);
        if (painting.isDown) paint({ kind: "lift" });
        else paint({ kind: "down", stroke: { kind: tool === "erase" ? "erase" : "paint", radius, points: [here] } });
        return;
      case "tool":
        setTool(command.tool);
        return;
      case "grow":
        setBrush(Math.min(BRUSHES.max, Math.max(BRUSHES.min, brush * command.factor)));
        return;
      case "zoom":
        stage.zoom(command.factor, stage.view && cursor && toWindow(stage.view, cursor));
        return;
      case "fit":
        stage.fit();
        return;
      case "undo":
      case "redo":
        paint(command);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const command = commandOf(event);
    if (command === undefined || size === undefined) return;
    event.preventDefault();
    obey(command, size);
  };

  const { view } = stage;
  const ring = view && cursor && tool !== "move" ? toWindow(view, cursor) : undefined;
  return (
    <div className={classNames(styles["mask"], className)}>
      <MaskToolbar
        tool={tool}
        onTool={setTool}
        brush={brush}
        onBrush={setBrush}
        canUndo={painting.marks.length > 0}
        canRedo={painting.undone.length > 0}
        isBlank={isBlank}
        onUndo={() => paint({ kind: "undo" })}
        onRedo={() => paint({ kind: "redo" })}
        onClear={() => paint({ kind: "clear" })}
        onZoom={(factor) => stage.zoom(factor)}
        onFit={stage.fit}
      />
      {/* eslint-disable-next-line jsx-a11y-x/no-noninteractive-element-interactions -- an application takes all keys */}
      <div
        ref={attachStage}
        className={styles["stage"]}
        data-tool={tool}
        role="application"
        aria-label="Mask"
        aria-describedby={helpId}
        aria-busy={size === undefined && !isBroken}
        // eslint-disable-next-line jsx-a11y-x/no-noninteractive-tabindex -- see above
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => paint({ kind: "lift" })}
        {...pointers}
      >
        <div
          className={styles["paper"]}
          style={view && { transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
          hidden={view === undefined}
        >
          <img ref={attachImage} className={styles["image"]} alt="" draggable={false} />
          <canvas ref={attach} className={styles["canvas"]} aria-hidden="true" />
        </div>
        {ring !== undefined && view !== undefined && (
          <div
            className={styles["ring"]}
            data-down={painting.isDown}
            style={{
              width: 2 * radius * view.scale,
              height: 2 * radius * view.scale,
              transform: `translate(${ring.x}px, ${ring.y}px) translate(-50%, -50%)`,
            }}
          />
        )}
      </div>
      <p id={helpId} className={styles["help"]}>
        Arrow keys move the brush, Space puts it down and lifts it, [ and ] change its size, B, E and M change the tool.
      </p>
      <div role="status" className={styles["unseen"]}>
        {painting.isDown ? "Brush down" : isBlank ? "Nothing masked" : ""}
      </div>
      <SettingError>{isBroken ? "The picture could not be loaded." : error}</SettingError>
    </div>
  );
}
