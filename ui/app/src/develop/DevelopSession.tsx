import type { DarkroomError, Job } from "@darkroom/client";
import {
  type Developing,
  fromJob,
  type GenerationSettings,
  toRequest,
  useAccess,
  useImageGeneration,
} from "@darkroom/react";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
} from "react";

import { useComposition } from "./Composition.js";

/** What can be done on every page, and what came of it. */
export interface DevelopSession {
  /** Puts a job on stage. */
  show: (jobId: string) => void;
  /** Submits what is composed, or other settings. */
  develop: (settings?: GenerationSettings) => Promise<string | undefined>;
  /** The same settings, and a new seed. */
  vary: (job: Job) => Promise<string | undefined>;
  cancel: (jobId: string) => void;
  error: DarkroomError | undefined;
  clearError: () => void;
}

/** The jobs of this visit; the same on every page. They change with each step: who needs none of them does not ask. */
export interface Visit {
  /** Newest first. */
  jobs: readonly Developing[];
  /** The one on stage: the newest until somebody chooses. */
  onStage: Developing | undefined;
  /** What a job of this visit is of; absent for those that a reload has found. */
  promptOf: (jobId: string) => string | undefined;
}

const SessionContext = createContext<DevelopSession | undefined>(undefined);
const VisitContext = createContext<Visit | undefined>(undefined);

export function DevelopSessionProvider({ children }: { children: ReactNode }) {
  const { settings, models } = useComposition();
  const { jobs, error, generate, cancel, clearError } = useImageGeneration();
  const { unauthorized } = useAccess();
  const [chosen, setChosen] = useState<string>();
  const [prompts, setPrompts] = useState<ReadonlyMap<string, string>>(new Map());

  const unsent = useRef<GenerationSettings>(undefined);

  const develop = useCallback(
    async (wanted = settings) => {
      const model = models.find(({ id }) => id === wanted?.model);
      if (wanted === undefined || model === undefined) return undefined;
      unsent.current = wanted;
      setChosen(undefined);
      const jobId = await generate(toRequest(wanted, model));
      if (jobId === undefined) return undefined;
      unsent.current = undefined;
      setPrompts((known) => new Map(known).set(jobId, wanted.prompt));
      return jobId;
    },
    [settings, models, generate],
  );

  // what was refused for want of a key is sent as soon as there is one
  const mayBeSent = error?.code === "unauthorized" && unauthorized === undefined;
  const send = useEffectEvent(() => {
    if (unsent.current !== undefined) void develop(unsent.current);
  });
  useEffect(() => {
    if (mayBeSent) send();
  }, [mayBeSent]);

  const session = useMemo<DevelopSession>(
    () => ({
      show: setChosen,
      develop,
      vary: (job) => develop({ ...fromJob(job), seed: null, seedLocked: false }),
      cancel: (jobId) => {
        unsent.current = undefined; // what was refused before is not what a key is asked for now
        void cancel(jobId);
      },
      error,
      clearError,
    }),
    [develop, cancel, error, clearError],
  );
  const visit = useMemo<Visit>(
    () => ({
      jobs,
      onStage: jobs.find(({ jobId }) => jobId === chosen) ?? jobs[0],
      promptOf: (jobId) => prompts.get(jobId),
    }),
    [jobs, chosen, prompts],
  );
  return (
    <SessionContext value={session}>
      <VisitContext value={visit}>{children}</VisitContext>
    </SessionContext>
  );
}

export function useDevelopSession(): DevelopSession {
  const session = use(SessionContext);
  if (session === undefined) throw new Error("outside of DevelopSessionProvider");
  return session;
}

export function useVisit(): Visit {
  const visit = use(VisitContext);
  if (visit === undefined) throw new Error("outside of DevelopSessionProvider");
  return visit;
}
