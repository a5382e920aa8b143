import type { DarkroomError, JobEvent } from "@darkroom/client";
import { useCallback, useEffect, useEffectEvent, useSyncExternalStore } from "react";

import { useService } from "../context.js";
import type { Developing } from "../develop/developing.js";
import type { Connection } from "../jobs/job-store.js";

/** How {@link useSSEStream} follows. */
export interface StreamOptions {
  /** Whether to follow at all; `true` if absent. */
  enabled?: boolean;
  /**
   * Is told each event that comes from now on, once. Who comes late to a stream that others already follow gets what
   * came before as `developing`, not as events.
   */
  onEvent?: (event: JobEvent) => void;
}

/** What {@link useSSEStream} tells. */
export interface StreamState {
  /** All that is known of the job. */
  readonly developing: Developing;
  /** How its stream stands. */
  readonly connection: Connection;
  /** Why it can't be followed; a job's own failure is in `developing`. */
  readonly error: DarkroomError | undefined;
}

/**
 * Follow a job as it develops, until it ends or the component goes. However many components follow a job, there is one
 * stream, which resumes by itself where it broke.
 *
 * @param jobId - `undefined` follows nothing.
 */
export function useSSEStream(jobId: string | undefined, options: StreamOptions = {}): StreamState {
  const { enabled = true } = options;
  const { store } = useService();
  const onEvent = useEffectEvent((event: JobEvent) => options.onEvent?.(event));
  const subscribe = useCallback(
    (listener: () => void) => (jobId === undefined ? () => undefined : store.subscribe(jobId, listener)),
    [store, jobId],
  );
  const read = () => store.read(jobId);
  const { developing, connection, error } = useSyncExternalStore(subscribe, read, read);
  useEffect(() => {
    if (jobId === undefined || !enabled) return;
    return store.follow(jobId, { onEvent: (event) => onEvent(event) });
  }, [store, jobId, enabled]);
  return { developing, connection, error };
}
