import { type Developing, progressOf } from "@darkroom/react";
import { CircleSlash, Clock, TriangleAlert } from "lucide-react";
import { ListBox, ListBoxItem } from "react-aria-components";

import { statusOf } from "../words/status.js";
import { useDevelopSession, useVisit } from "./DevelopSession.js";
import css from "./FilmStrip.module.css";

/** The jobs of this visit, newest first; the chosen one is on stage. */
export function FilmStrip({ orientation }: { orientation: "horizontal" | "vertical" }) {
  const { jobs, onStage, promptOf } = useVisit();
  const { show } = useDevelopSession();
  return (
    <ListBox
      className={css.strip}
      data-orientation={orientation}
      aria-label="Pictures of this visit"
      orientation={orientation}
      layout="stack"
      items={jobs.map((job) => ({
        id: job.jobId,
        job,
        label: [promptOf(job.jobId), statusOf(job)].filter(Boolean).join(": "),
      }))}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={onStage === undefined ? [] : [onStage.jobId]}
      onSelectionChange={(keys) => {
        const [id] = keys;
        if (id !== undefined) show(String(id));
      }}
    >
      {({ id, job, label }) => (
        <ListBoxItem id={id} className={css.frame} textValue={label} aria-label={label}>
          <Frame job={job} />
        </ListBoxItem>
      )}
    </ListBox>
  );
}

function Frame({ job }: { job: Developing }) {
  const { status, images } = job;
  const [first] = images;
  const picture = first?.url === undefined ? first?.preview : `${first.url}?width=256`;
  const Icon = ICONS[status];
  return (
    <span className={css.picture} data-status={status}>
      {picture !== undefined && <img src={picture} alt="" draggable={false} />}
      {Icon !== undefined && <Icon className={css.icon} size={18} strokeWidth={1.75} aria-hidden />}
      {images.length > 1 && <span className={css.count}>{images.length}</span>}
      {status === "running" && <span className={css.bar} style={{ transform: `scaleX(${progressOf(job) ?? 0})` }} />}
    </span>
  );
}

const ICONS: Partial<Record<Developing["status"], typeof Clock>> = {
  submitting: Clock,
  queued: Clock,
  failed: TriangleAlert,
  expired: TriangleAlert,
  cancelled: CircleSlash,
};
