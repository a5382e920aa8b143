import { type DarkroomError, type Job, TERMINAL_STATUSES } from "@darkroom/client";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { useService } from "../context.js";
import { type Developing, developingOf, isOver } from "../develop/developing.js";
import type { Connection } from "../jobs/job-store.js";
import { keys } from "../keys.js";
import { locatedJob } from "../located.js";
import { useSSEStream } from "./use-sse-stream.js";

/** What {@link useJobStatus} tells. */
export interface JobStatusState {
  /** The job by the last look at it; looked at again when it has ended. Absent while pending. */
  readonly job: Job | undefined;
  /** All that is known of it, by the look and its stream. */
  readonly developing: Developing;
  readonly connection: Connection;
  /** Why it can't be looked at or followed: a `JobNotFoundError` if there is no such job. */
  readonly error: DarkroomError | undefined;
  readonly isPending: boolean;
}

/** One job: a look at it, then its stream while it is active. */
export function useJobStatus(jobId: string): JobStatusState {
  const { client, store } = useService();
  const { data, error, isPending } = useQuery<Job, DarkroomError>({
    queryKey: keys.job(client.baseUrl, jobId),
    queryFn: async ({ signal }) => locatedJob(await client.get(jobId, { signal }), client),
    retry: false, // the client has tried again already
    // a stream tells what changes, and an end is for good
    staleTime: ({ state }) => (state.data !== undefined && TERMINAL_STATUSES.has(state.data.status) ? Infinity : 0),
  });
  useEffect(() => {
    if (data !== undefined) store.learn(data);
  }, [store, data]);
  const isActive = data !== undefined && !TERMINAL_STATUSES.has(data.status);
  const stream = useSSEStream(jobId, { enabled: isActive });
  const ended = data !== undefined && !isActive && !isOver(stream.developing) ? developingOf(data) : undefined;
  return {
    job: data,
    developing: ended ?? stream.developing,
    connection: stream.connection,
    error: error ?? stream.error,
    isPending,
  };
}
