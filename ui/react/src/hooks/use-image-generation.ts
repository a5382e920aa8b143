import { DarkroomError } from "@darkroom/client";
import { useCallback, useMemo, useState, useSyncExternalStore } from "react";

import { useService } from "../context.js";
import { type Developing, isOver } from "../develop/developing.js";
import type { Composed } from "../settings/settings.js";

/** What {@link useImageGeneration} tells and does. */
export interface ImageGeneration {
  /**
   * Submit a job, and follow it to its end. Its pictures may be URLs of the service's own, which are fetched first.
   *
   * @returns its id; `undefined` if it was refused, which `error` tells, or cancelled before it had one.
   */
  readonly generate: (request: Composed) => Promise<string | undefined>;
  /** Cancel a job; while submitting, by the id that `active` has. What keeps it from being cancelled is in `error`. */
  readonly cancel: (jobId: string) => Promise<void>;
  /** Take a job off `jobs`; it goes on. */
  readonly dismiss: (jobId: string) => void;
  /** The jobs of this page that have not ended, newest first; those of before a reload too. */
  readonly active: readonly Developing[];
  /** All jobs of this page since it was loaded, and those that it found unfinished; newest first. */
  readonly jobs: readonly Developing[];
  /** Whether one is on its way to the service. */
  readonly isSubmitting: boolean;
  /** Why the last `generate` or `cancel` of this component did not do what it should; the next call clears it. */
  readonly error: DarkroomError | undefined;
  /** Forget the error. */
  readonly clearError: () => void;
}

/** Make images, several jobs at once if wanted. Every component that uses it sees the same jobs. */
export function useImageGeneration(): ImageGeneration {
  const { roll, access } = useService();
  const [error, setError] = useState<DarkroomError>();
  const subscribe = useCallback((listener: () => void) => roll.subscribe(listener), [roll]);
  const read = () => roll.read();
  const jobs = useSyncExternalStore(subscribe, read, read);
  const active = useMemo(() => jobs.filter((job) => !isOver(job)), [jobs]);

  const attempt = useCallback(
    async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      setError(undefined);
      try {
        return await work();
      } catch (failure) {
        if (!(failure instanceof DarkroomError)) throw failure;
        access.tell(failure);
        setError(failure);
        return undefined;
      }
    },
    [access],
  );
  const generate = useCallback((request: Composed) => attempt(() => roll.submit(request)), [attempt, roll]);
  const cancel = useCallback((jobId: string) => attempt(() => roll.cancel(jobId)), [attempt, roll]);
  const dismiss = useCallback(
    (jobId: string) => {
      roll.dismiss(jobId);
    },
    [roll],
  );
  const clearError = useCallback(() => {
    setError(undefined);
  }, []);
  const isSubmitting = active.some(({ status }) => status === "submitting");
  return { generate, cancel, dismiss, active, jobs, isSubmitting, error, clearError };
}
