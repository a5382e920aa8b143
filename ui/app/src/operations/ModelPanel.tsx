import type { Model, ModelActivity } from "@darkroom/client";

import { loadOf } from "../words/models.js";
import { duration } from "../words/numbers.js";
import css from "./ModelPanel.module.css";
import { Plot } from "./Plot.js";
import { jobs, longWait, meanWait, throughput } from "./series.js";

interface ModelPanelProps {
  model: Model;
  activity: ModelActivity | undefined;
  bucketS: number;
}

/** How one model stands, and its last minutes. */
export function ModelPanel({ model, activity, bucketS }: ModelPanelProps) {
  const buckets = activity?.buckets ?? [];
  const span = duration(Math.max(1, buckets.length) * bucketS);
  const { total } = activity ?? {};
  return (
    <section className={css.panel} aria-labelledby={`model-${model.id}`}>
      <header className={css.head}>
        <span className={css.dot} data-state={model.state} aria-hidden />
        <h3 id={`model-${model.id}`} className={css.name}>
          {model.id}
        </h3>
        <p className={css.load}>{loadOf(model)}</p>
      </header>
      <dl className={css.facts}>
        <Fact name="Replicas" value={String(model.replicas)} />
        <Fact name="Waiting" value={String(model.queued)} />
        <Fact name="Developing" value={String(model.running)} />
        <Fact name="Work ahead" value={duration(model.backlog_s)} />
        {total !== undefined && total.failed > 0 && <Fact name="Failed" value={String(total.failed)} />}
      </dl>
      <div className={css.plots}>
        <Plot
          title="Pictures a minute"
          values={throughput(buckets, bucketS)}
          atLeast={6}
          format={(value) => String(Math.round(value * 10) / 10)}
          span={span}
        />
        <Plot
          title="Wait for a start"
          values={meanWait(buckets, bucketS)}
          above={{ name: "95 %", values: longWait(buckets, bucketS) }}
          atLeast={1}
          format={duration}
          span={span}
        />
        <Plot
          title="Jobs here"
          values={jobs(buckets)}
          atLeast={4}
          format={(value) => String(Math.round(value))}
          span={span}
        />
      </div>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div className={css.fact}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
