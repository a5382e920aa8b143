import type { DarkroomError, Model } from "@darkroom/client";
import { useQuery } from "@tanstack/react-query";

import { useService } from "../context.js";
import { keys } from "../keys.js";

const STARTING_MS = 2_000;
const READY_MS = 30_000;

/** What {@link useModels} tells. */
export interface ModelsState {
  /** Every model that is served, the default one first; empty while pending. */
  readonly models: readonly Model[];
  readonly isPending: boolean;
  readonly error: DarkroomError | undefined;
}

/** The service's models, with their load; looked at again now and then, and often while one is still starting. */
export function useModels(): ModelsState {
  const { client } = useService();
  const { data, error, isPending } = useQuery<Model[], DarkroomError>({
    queryKey: keys.models(client.baseUrl),
    queryFn: ({ signal }) => client.models({ signal }),
    retry: false, // the client has tried again already
    staleTime: STARTING_MS,
    refetchInterval: ({ state }) => (state.data?.every((model) => model.state === "ready") ? READY_MS : STARTING_MS),
  });
  return { models: data ?? NONE, isPending, error: error ?? undefined };
}

const NONE: readonly Model[] = [];
