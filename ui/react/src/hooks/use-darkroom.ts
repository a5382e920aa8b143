import type { Darkroom } from "@darkroom/client";

import { useService } from "../context.js";

/** The client of the nearest {@link DarkroomProvider}. */
export function useDarkroom(): Darkroom {
  return useService().client;
}
