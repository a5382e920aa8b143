import { Notice } from "../ui/Notice.js";
import { sentenceOf } from "../words/errors.js";
import { duration } from "../words/numbers.js";
import { ModelPanel } from "./ModelPanel.js";
import css from "./OperationsPage.module.css";
import { together } from "./series.js";
import { useOperations } from "./useOperations.js";
import { Workers } from "./Workers.js";

/** What the service is doing: its models, its replicas, and the last minutes. */
export default function OperationsPage() {
  const { data, error, dataUpdatedAt } = useOperations();
  if (data === undefined) {
    return error === null ? (
      <p className="visually-hidden" role="status">
        Asking the service
      </p>
    ) : (
      <Notice title="The service does not tell" text={sentenceOf(error)} />
    );
  }
  const { models, workers, activity } = data;
  const all = together(activity.data);
  const waiting = models.reduce((sum, { queued }) => sum + queued, 0);
  return (
    <div className={css.page}>
      <header className={css.head}>
        <h1 className={css.title}>Operations</h1>
        <p className={css.live}>{error === null ? "Live" : "Not up to date"}</p>
      </header>
      <dl className={css.tiles}>
        <Tile name="Pictures, last 10 min" value={String(all.images)} />
        <Tile name="Waiting now" value={String(waiting)} />
        <Tile name="Mean wait" value={all.meanWaitS === null ? "–" : duration(all.meanWaitS)} />
        <Tile name="Failed" value={String(all.failed)} />
      </dl>
      <h2 className={css.heading}>Models</h2>
      <div className={css.models}>
        {models.map((model) => (
          <ModelPanel
            key={model.id}
            model={model}
            activity={activity.data.find((one) => one.model === model.id)}
            bucketS={activity.bucket_s}
          />
        ))}
      </div>
      <h2 className={css.heading}>Replicas</h2>
      <Workers workers={workers} now={dataUpdatedAt / 1000} />
    </div>
  );
}

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div className={css.tile}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
