import { createContext, use } from "react";

import type { Service } from "./service.js";

/** What {@link DarkroomProvider} provides. */
export const ServiceContext = createContext<Service | undefined>(undefined);

/** The service of the nearest {@link DarkroomProvider}; throws without one. */
export function useService(): Service {
  const service = use(ServiceContext);
  if (service === undefined) throw new Error("Darkroom's hooks need a <DarkroomProvider> above them");
  return service;
}
