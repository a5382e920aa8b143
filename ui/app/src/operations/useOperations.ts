import type { Activity, Model, Worker } from "@darkroom/client";
import { useDarkroom } from "@darkroom/react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";

const EVERY_MS = 2_000;

export interface Operations {
  models: Model[];
  workers: Worker[];
  activity: Activity;
}

/** What the service is doing, asked again and again while the page is looked at. */
export function useOperations() {
  const darkroom = useDarkroom();
  return useQuery({
    queryKey: ["darkroom", darkroom.baseUrl, "operations"],
    queryFn: async ({ signal }): Promise<Operations> => {
      const [models, workers, activity] = await Promise.all([
        darkroom.models({ signal }),
        darkroom.workers({ signal }),
        darkroom.activity({ signal }),
      ]);
      return { models, workers, activity };
    },
    refetchInterval: EVERY_MS,
    retry: false,
    placeholderData: keepPreviousData,
  });
}
