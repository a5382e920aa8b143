/** The provider that all hooks need above them. */

import type { Darkroom } from "@darkroom/client";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect, useEffectEvent, useState } from "react";

import { ServiceContext } from "./context.js";
import { Service } from "./service.js";

/** The props of {@link DarkroomProvider}. */
export interface DarkroomProviderProps {
  /** The service. Give the provider a `key` if it shall change. */
  client: Darkroom;
  /** An existing cache; one of its own if absent. */
  queryClient?: QueryClient;
  /** Is told when the service does not let this page in any more: ask for a key, then `useAccess().signIn(key)`. */
  onUnauthorized?: () => void;
  children: ReactNode;
}

/**
 * Connects all hooks and components below it to one service. Jobs that this page had submitted before a reload are
 * followed again.
 */
export function DarkroomProvider({ client, queryClient, onUnauthorized, children }: DarkroomProviderProps) {
  const [queries] = useState(() => queryClient ?? new QueryClient());
  const [told, setTold] = useState(0);
  const [service] = useState(
    () =>
      new Service(client, queries, () => {
        setTold((times) => times + 1);
      }),
  );
  useEffect(() => service.open(), [service]);
  const tell = useEffectEvent(() => onUnauthorized?.());
  useEffect(() => {
    if (told > 0) tell();
  }, [told]);
  return (
    <QueryClientProvider client={queries}>
      <ServiceContext value={service}>{children}</ServiceContext>
    </QueryClientProvider>
  );
}
