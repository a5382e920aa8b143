import { DarkroomError } from "@darkroom/client";
import { useCallback, useState } from "react";

import { useService } from "../context.js";

/** What {@link useRemoval} tells and does. */
export interface Removal {
  /**
   * Delete a job, with its images: it leaves every gallery at once, and comes back if the service refuses, which `error`
   * tells.
   *
   * @returns whether it is gone.
   */
  readonly remove: (jobId: string) => Promise<boolean>;
  /** The service has been asked, and has not answered yet. */
  readonly isRemoving: boolean;
  /** Why the last removal failed; the next one clears it. */
  readonly error: DarkroomError | undefined;
}

/** Delete jobs. */
export function useRemoval(): Removal {
  const service = useService();
  const [isRemoving, setRemoving] = useState(false);
  const [error, setError] = useState<DarkroomError>();
  const remove = useCallback(
    async (jobId: string) => {
      setError(undefined);
      setRemoving(true);
      try {
        await service.remove(jobId);
        return true;
      } catch (failure) {
        if (!(failure instanceof DarkroomError)) throw failure;
        service.access.tell(failure);
        setError(failure);
        return false;
      } finally {
        setRemoving(false);
      }
    },
    [service],
  );
  return { remove, isRemoving, error };
}
