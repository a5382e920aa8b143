import type { Worker } from "@darkroom/client";

import { duration } from "../words/numbers.js";
import css from "./Workers.module.css";

/** Every replica by its newest heartbeat. */
export function Workers({ workers, now }: { workers: readonly Worker[]; now: number }) {
  return (
    <table className={css.table}>
      <thead>
        <tr>
          <th scope="col">Replica</th>
          <th scope="col">Model</th>
          <th scope="col" className={css.wide}>
            Device
          </th>
          <th scope="col">State</th>
          <th scope="col">Batch</th>
          <th scope="col" className={css.wide}>
            Work ahead
          </th>
          <th scope="col">Last seen</th>
        </tr>
      </thead>
      <tbody>
        {workers.map((worker) => (
          <tr key={worker.id}>
            <th scope="row" className={css.id} title={worker.id}>
              {worker.id.slice(-8)}
            </th>
            <td>{worker.model}</td>
            <td className={css.wide}>{worker.gpu ?? worker.device}</td>
            <td data-state={worker.state}>{worker.state === "ready" ? "Ready" : "Lost"}</td>
            <td>
              {worker.batch} of {worker.max_batch}
            </td>
            <td className={css.wide}>{duration(worker.backlog_s)}</td>
            <td>{duration(Math.max(0, now - worker.last_heartbeat))} ago</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
