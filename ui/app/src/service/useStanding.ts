import { useDarkroom } from "@darkroom/react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { askAgainMs, type Standing, standingOf } from "./standing.js";

/** How the service stands, asked again and again; all that the page shows is asked for anew when it has come back. */
export function useStanding(): Standing {
  const darkroom = useDarkroom();
  const queries = useQueryClient();
  const { data, isError } = useQuery({
    queryKey: ["standing"],
    queryFn: ({ signal }) => darkroom.health({ signal }),
    retry: false,
    refetchInterval: ({ state }) => askAgainMs(standingOf(seen(state.data, state.status === "error"))),
  });
  const standing = standingOf(seen(data, isError));

  const wasAway = useRef(false);
  const isAway = standing === "unreachable" || standing === "offline";
  useEffect(() => {
    if (wasAway.current && !isAway)
      void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "standing" });
    wasAway.current = isAway;
  }, [isAway, queries]);

  return standing;
}

function seen(health: Parameters<typeof standingOf>[0]["health"], failed: boolean) {
  return { health, failed, online: navigator.onLine };
}
