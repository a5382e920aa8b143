import type { Model } from "@darkroom/client";
import { type GenerationSettings, initialSettings, useModels, withModel } from "@darkroom/react";
import { createContext, type ReactNode, use, useCallback, useMemo, useState } from "react";

import { keep, recalled } from "../shell/storage.js";
import { kept, restored } from "./draft.js";

const KEY = "darkroom.draft";

/** What is being composed; the same on every page, so that it is still there when one comes back. */
export interface Composition {
  /** Absent until it is known what is served. */
  settings: GenerationSettings | undefined;
  /** The model of `settings`. */
  model: Model | undefined;
  models: readonly Model[];
  /** Why it is not known what is served. */
  error: unknown;
  change: (settings: GenerationSettings) => void;
  /** The same for another model. */
  choose: (modelId: string) => void;
}

const Context = createContext<Composition | undefined>(undefined);

export function CompositionProvider({ children }: { children: ReactNode }) {
  const { models, error } = useModels();
  const [chosen, setChosen] = useState<GenerationSettings>();

  const initial = useMemo(() => {
    const first = models[0];
    return restored(recalled(KEY), models) ?? (first && initialSettings(first));
  }, [models]);
  const settings = chosen ?? initial;
  const model = models.find(({ id, aliases }) => id === settings?.model || aliases.includes(settings?.model ?? ""));

  const change = useCallback((next: GenerationSettings) => {
    keep(KEY, kept(next));
    setChosen(next);
  }, []);

  const choose = useCallback(
    (modelId: string) => {
      const next = models.find(({ id }) => id === modelId);
      if (next !== undefined && settings !== undefined) change(withModel(settings, next, model));
    },
    [models, settings, model, change],
  );

  const value = useMemo(
    () => ({ settings, model, models, error, change, choose }),
    [settings, model, models, error, change, choose],
  );
  return <Context value={value}>{children}</Context>;
}

export function useComposition(): Composition {
  const composition = use(Context);
  if (composition === undefined) throw new Error("outside of CompositionProvider");
  return composition;
}
