import type { DarkroomError, Job } from "@darkroom/client";
import {
  type Developing,
  fromJob,
  type GenerationSettings,
  toRequest,
  useAccess,
  useImageGeneration,
} from "@darkroom/react";
import { createContext, type ReactNode, use, useEffect, useEffectEvent, useRef, useState } from "react";

import { useComposition } from "./Composition.js";

/** The jobs of this visit, and what can be done with them; the same on every page. */
export interface DevelopSession {
  /** Newest first. */
  jobs: readonly Developing[];
  /** The one on stage: the newest until somebody chooses. */
  onStage: Developing | undefined;
  show: (jobId: string) => void;
  /** What a job of this visit is of; absent for those that a reload has found. */
  promptOf: (jobId: string) => string | undefined;
  /** Submits what is composed, or other settings. */
  develop: (settings?: GenerationSettings) => Promise<string | undefined>;
  /** The same settings, and a new seed. */
  vary: (job: Job) => Promise<string | undefined>;
  cancel: (jobId: string) => void;
  error: DarkroomError | undefined;
  clearError: () => void;
}

const Context = createContext<DevelopSession | undefined>(undefined);

export function DevelopSessionProvider({ children }: { children: ReactNode }) {
  const { settings, models } = useComposition();
  const generation = useImageGeneration();
  const { jobs, error } = generation;
  const { unauthorized } = useAccess();
  const [chosen, setChosen] = useState<string>();
  const [prompts, setPrompts] = useState<ReadonlyMap<string, string>>(new Map());

  const unsent = useRef<GenerationSettings>(undefined);

  const develop = async (wanted = settings) => {
    const model = models.find(({ id }) => id === wanted?.model);
    if (wanted === undefined || model === undefined) return undefined;
    unsent.current = wanted;
    setChosen(undefined);
    const jobId = await generation.generate(toRequest(wanted, model));
    if (jobId === undefined) return undefined;
    unsent.current = undefined;
    setPrompts((known) => new Map(known).set(jobId, wanted.prompt));
    return jobId;
  };

  // what was refused for want of a key is sent as soon as there is one
  const mayBeSent = error?.code === "unauthorized" && unauthorized === undefined;
  const send = useEffectEvent(() => {
    if (unsent.current !== undefined) void develop(unsent.current);
  });
  useEffect(() => {
    if (mayBeSent) send();
  }, [mayBeSent]);

  const value: DevelopSession = {
    jobs,
    onStage: jobs.find(({ jobId }) => jobId === chosen) ?? jobs[0],
    show: setChosen,
    promptOf: (jobId) => prompts.get(jobId),
    develop,
    vary: (job) => develop({ ...fromJob(job), seed: null, seedLocked: false }),
    cancel: (jobId) => void generation.cancel(jobId),
    error,
    clearError: () => {
      generation.clearError();
    },
  };
  return <Context value={value}>{children}</Context>;
}

export function useDevelopSession(): DevelopSession {
  const session = use(Context);
  if (session === undefined) throw new Error("outside of DevelopSessionProvider");
  return session;
}
