import type { GalleryFilters } from "@darkroom/react";
import { useSearchParams } from "wouter";

export interface GalleryPlace {
  filters: GalleryFilters;
  text: string;
  model: string;
  /** Changes what is shown, and the address with it. */
  filter: (changed: { text?: string; model?: string }) => void;
  /** The same as the end of an address, so that a picture's page knows its neighbours. */
  search: string;
}

/** What the gallery shows, from the address: it can be shared, and "back" leads to it. */
export function useGalleryFilters(): GalleryPlace {
  const [params, setParams] = useSearchParams();
  const text = params.get("text") ?? "";
  const model = params.get("model") ?? "";
  return {
    filters: { text, model: model === "" ? undefined : model, status: "succeeded" },
    text,
    model,
    filter: (changed) => {
      const wanted = Object.entries({ text, model, ...changed }).filter(([, value]) => value !== "");
      setParams(new URLSearchParams(wanted), { replace: true });
    },
    search: params.size > 0 ? `?${params.toString()}` : "",
  };
}
