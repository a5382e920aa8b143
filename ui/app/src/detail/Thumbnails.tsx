import type { Job } from "@darkroom/client";
import { useDarkroom } from "@darkroom/react";
import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

import css from "./Thumbnails.module.css";

/** The pictures of one job, small, to choose the one to look at. */
export function Thumbnails({ job, at, onChoose }: { job: Job; at: number; onChoose: (at: number) => void }) {
  const darkroom = useDarkroom();
  return (
    <ToggleButtonGroup
      className={css.row}
      aria-label="Pictures of this job"
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[String(at)]}
      onSelectionChange={(keys) => {
        const [key] = keys;
        if (key !== undefined) onChoose(Number(key));
      }}
    >
      {job.images.map(({ index }) => (
        <ToggleButton key={index} id={String(index)} className={css.thumbnail} aria-label={`Picture ${index + 1}`}>
          <img src={`${darkroom.imageUrl(job.job_id, index)}?width=256`} alt="" />
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
