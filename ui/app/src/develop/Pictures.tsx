import { type Developing, ImageDisplay, isOver } from "@darkroom/react";
import type { CSSProperties } from "react";

import { columnsFor } from "./grid.js";
import css from "./Pictures.module.css";
import { useRoom } from "./useRoom.js";

/** Small pictures are enlarged, but not beyond this: then one sees squares, not a picture. */
const MAX_ENLARGED = 5;

interface PicturesProps {
  developing: Developing;
  /** What they are of. */
  prompt: string;
}

/** All pictures of a job, as large as the room allows. */
export function Pictures({ developing, prompt }: PicturesProps) {
  const { ref, aspect: room } = useRoom<HTMLDivElement>();
  const { images } = developing;
  const { width = 1, height = 1 } = images[0] ?? {};
  const aspect = width / height;
  const columns = columnsFor(images.length, aspect, room);
  const shape = {
    "--columns": columns,
    "--rows": Math.ceil(images.length / columns),
    "--aspect": aspect,
    "--most": width > 1 ? `${MAX_ENLARGED * width}px` : "100cqw",
  } as CSSProperties;
  return (
    <div ref={ref} className={css.room}>
      <div className={css.pictures} style={shape}>
        {images.map((image) => (
          <ImageDisplay
            key={image.index}
            image={image}
            aspect={aspect}
            alt={images.length > 1 ? `${prompt} (${image.index + 1} of ${images.length})` : prompt}
            isOver={isOver(developing) && image.url === undefined}
            glow
          />
        ))}
      </div>
    </div>
  );
}
