import { QueryClient } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { describe, expect, vi } from "vitest";

import {
  DarkroomProvider,
  useAccess,
  useGallery,
  useImageGeneration,
  useJobStatus,
  useModels,
  useSSEStream,
} from "../src/index.js";
import { COMPLETE, HALF, LIFE, STARTED } from "./samples.js";
import { type ScriptedService, test } from "./scripted-service.js";

function inside(service: ScriptedService, props: { onUnauthorized?: () => void; queryClient?: QueryClient } = {}) {
  const client = service.client();
  return ({ children }: { children: ReactNode }) => (
    <StrictMode>
      <DarkroomProvider client={client} {...props}>
        {children}
      </DarkroomProvider>
    </StrictMode>
  );
}

test("hooks outside of a provider say what they need", () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => undefined);
  expect(() => renderHook(() => useModels())).toThrow("<DarkroomProvider>");
  silent.mockRestore();
});

test("useModels tells the models", async ({ service }) => {
  const { result } = renderHook(() => useModels(), { wrapper: inside(service) });
  expect(result.current.isPending).toBe(true);
  await waitFor(() => {
    expect(result.current.models.map(({ id }) => id)).toEqual(["sd15"]);
  });
});

describe("useSSEStream", () => {
  test("follows a job, with one stream for all, and closes it with the last component", async ({ service }) => {
    const job = service.add({ status: "queued" });
    const events: string[] = [];
    const { result, unmount } = renderHook(
      () => [useSSEStream("j1", { onEvent: ({ event }) => events.push(event) }), useSSEStream("j1")] as const,
      { wrapper: inside(service) },
    );
    job.tell(STARTED, HALF);
    await waitFor(() => {
      expect(result.current[1].developing).toMatchObject({ status: "running", images: [{ step: 10 }] });
    });
    expect(result.current[0].connection).toBe("open");
    expect(events).toEqual(["started", "progress"]);
    expect(service.count("GET /v1/jobs/j1/stream")).toBe(1);
    unmount();
    await vi.waitFor(() => {
      expect(job.streams.size).toBe(0);
    });
  });

  test("does nothing while it is not enabled, or has no job", ({ service }) => {
    const { result } = renderHook(() => [useSSEStream("j1", { enabled: false }), useSSEStream(undefined)] as const, {
      wrapper: inside(service),
    });
    expect(result.current.map(({ connection }) => connection)).toEqual(["idle", "idle"]);
    expect(service.asked).toEqual([]);
  });

  test("a job that is not there is an error", async ({ service }) => {
    const { result } = renderHook(() => useSSEStream("j1"), { wrapper: inside(service) });
    await waitFor(() => {
      expect(result.current.error?.code).toBe("job_not_found");
    });
  });
});

describe("useJobStatus", () => {
  test("follows an active job, and looks at it again when it has ended", async ({ service }) => {
    const job = service.add({ status: "running", images: [], timings: null });
    const ended = { ...service.add({ job_id: "j2" }).job, job_id: "j1" };
    const { result } = renderHook(() => useJobStatus("j1"), { wrapper: inside(service) });
    await waitFor(() => {
      expect(job.streams.size).toBe(1);
    });
    job.job = ended;
    job.tell(...LIFE);
    await waitFor(() => {
      expect(result.current.job?.status).toBe("succeeded");
    });
    expect(result.current.developing).toMatchObject({ status: "succeeded", images: [{ seed: 7 }] });
  });

  test("opens no stream for a job that has ended", async ({ service }) => {
    service.add();
    const { result } = renderHook(() => useJobStatus("j1"), { wrapper: inside(service) });
    await waitFor(() => {
      expect(result.current.developing.status).toBe("succeeded");
    });
    expect(result.current.developing.images[0]?.url).toBe(`${service.url}/v1/jobs/j1/images/0`);
    expect(service.asked).toEqual(["GET /v1/jobs/j1"]);
  });
});

describe("useImageGeneration", () => {
  test("submits several jobs and follows them all", async ({ service }) => {
    const { result } = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    let ids: (string | undefined)[] = [];
    await act(async () => {
      ids = [await result.current.generate({ prompt: "one" }), await result.current.generate({ prompt: "two" })];
    });
    expect(ids).toEqual(["j1", "j2"]);
    expect(service.submitted).toEqual([{ prompt: "one" }, { prompt: "two" }]);
    service.job("j1").tell(...LIFE);
    service.job("j2").tell(STARTED);
    await waitFor(() => {
      expect(result.current.jobs.map(({ status }) => status)).toEqual(["running", "succeeded"]);
    });
    expect(result.current.active.map(({ jobId }) => jobId)).toEqual(["j2"]);
  });

  test("a submission is active before the service has answered", async ({ service }) => {
    const { result } = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    act(() => {
      void result.current.generate({ prompt: "one", n: 2, width: 64, height: 32 });
    });
    expect(result.current.isSubmitting).toBe(true);
    expect(result.current.active[0]).toMatchObject({
      status: "submitting",
      images: [{ width: 64, height: 32 }, { index: 1 }],
    });
    await waitFor(() => {
      expect(result.current.isSubmitting).toBe(false);
    });
    expect(result.current.active[0]).toMatchObject({ jobId: "j1", images: [{ width: 64 }, { index: 1 }] });
  });

  test("a refusal is a value, and leaves no job", async ({ service }) => {
    service.refusal = { status: 422, code: "invalid_request", field: "steps" };
    const { result } = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    await act(async () => {
      expect(await result.current.generate({ prompt: "one", steps: 0 })).toBeUndefined();
    });
    expect(result.current.error).toMatchObject({ code: "invalid_request", field: "steps" });
    expect(result.current.jobs).toEqual([]);
  });

  test("cancels a job, also one that is only on its way", async ({ service }) => {
    const { result } = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    await act(async () => {
      await result.current.generate({ prompt: "one" });
      await result.current.cancel("j1");
    });
    expect(result.current.jobs[0]?.status).toBe("cancelled");
    act(() => {
      void result.current.generate({ prompt: "two" });
    });
    act(() => {
      void result.current.cancel(result.current.active[0]?.jobId ?? "");
    });
    await waitFor(() => {
      expect(service.count("POST /v1/jobs/j2/cancel") + (service.submitted.length === 1 ? 1 : 0)).toBe(1);
      expect(result.current.active).toEqual([]);
    });
  });

  test("goes on after a reload with what had not ended", async ({ service }) => {
    const before = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    await act(async () => {
      await before.result.current.generate({ prompt: "one" });
      await before.result.current.generate({ prompt: "two" });
    });
    service.job("j2").tell(...LIFE);
    await waitFor(() => {
      expect(before.result.current.active).toHaveLength(1);
    });
    before.unmount();
    const after = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    service.job("j1").tell(STARTED);
    await waitFor(() => {
      expect(after.result.current.jobs).toMatchObject([{ jobId: "j1", status: "running" }]);
    });
  });

  test("forgets after a reload what the service has forgotten", async ({ service }) => {
    const before = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    await act(async () => {
      await before.result.current.generate({ prompt: "one" });
    });
    before.unmount();
    service.jobs.clear();
    const after = renderHook(() => useImageGeneration(), { wrapper: inside(service) });
    expect(after.result.current.jobs).toHaveLength(1);
    await waitFor(() => {
      expect(after.result.current.jobs).toEqual([]);
    });
    expect(sessionStorage).toHaveLength(0);
  });
});

describe("useGallery", () => {
  test("lists jobs, and new ones come in when they have ended", async ({ service }) => {
    service.add({ job_id: "old", created_at: 1 });
    const { result } = renderHook(() => ({ gallery: useGallery(), generation: useImageGeneration() }), {
      wrapper: inside(service),
    });
    await waitFor(() => {
      expect(result.current.gallery.jobs.map(({ job_id }) => job_id)).toEqual(["old"]);
    });
    await act(async () => {
      await result.current.generation.generate({ prompt: "one" });
    });
    const job = service.job("j1");
    job.job = { ...job.job, status: "succeeded", created_at: 2 };
    job.tell(STARTED, COMPLETE);
    await waitFor(() => {
      expect(result.current.gallery.jobs.map(({ job_id }) => job_id)).toEqual(["j1", "old"]);
    });
    expect(service.asked.filter((asked) => asked.startsWith("GET /v1/jobs?"))).toHaveLength(1);
  });

  test("asks for what the filters say", async ({ service }) => {
    renderHook(() => useGallery({ model: "sd15", status: "succeeded", text: " " }), { wrapper: inside(service) });
    await waitFor(() => {
      expect(service.asked).toHaveLength(1);
    });
    expect(service.asked[0]).toBe("GET /v1/jobs?model=sd15&status=succeeded&limit=50");
  });

  test("goes on over a page without any job to the next one", async ({ service }) => {
    service.add();
    service.emptyPages = 2;
    const { result } = renderHook(() => useGallery(), { wrapper: inside(service) });
    expect(result.current.isPending).toBe(true);
    await waitFor(() => {
      expect(result.current.jobs).toHaveLength(1);
    });
    expect(result.current.isPending).toBe(false);
  });

  test("removes a job at once, and brings it back if the service refuses", async ({ service }) => {
    service.add();
    const { result } = renderHook(() => useGallery(), { wrapper: inside(service) });
    await waitFor(() => {
      expect(result.current.jobs).toHaveLength(1);
    });
    service.refusal = { status: 403, code: "forbidden" };
    expect(await act(() => result.current.remove("j1"))).toBe(false);
    expect(result.current.error?.code).toBe("forbidden");
    service.refusal = undefined;
    expect(await act(() => result.current.remove("j1"))).toBe(true);
    expect(result.current.jobs).toEqual([]);
    expect(service.jobs.size).toBe(0);
  });

  test("what was removed is not asked for by whoever shows it, but by whoever comes back to it", async ({
    service,
  }) => {
    service.add({ status: "succeeded" });
    const Wrapper = inside(service, { queryClient: new QueryClient() });
    const looks = () => service.count("GET /v1/jobs/j1");
    const { result, rerender, unmount } = renderHook(() => ({ gallery: useGallery(), status: useJobStatus("j1") }), {
      wrapper: Wrapper,
    });
    await waitFor(() => {
      expect(result.current.status.job?.status).toBe("succeeded");
    });
    const before = looks();
    await act(() => result.current.gallery.remove("j1"));
    rerender();
    expect(result.current.status.job?.job_id).toBe("j1");
    expect(looks()).toBe(before);
    unmount();
    const again = renderHook(() => useJobStatus("j1"), { wrapper: Wrapper });
    await waitFor(() => {
      expect(again.result.current.error?.code).toBe("job_not_found");
    });
  });
});

test("a 401 anywhere is told, and signing in tries again what it kept from coming", async ({ service }) => {
  const onUnauthorized = vi.fn();
  service.refusal = { status: 401, code: "unauthorized" };
  service.add();
  const { result } = renderHook(() => ({ access: useAccess(), models: useModels(), gallery: useGallery() }), {
    wrapper: inside(service, { onUnauthorized }),
  });
  await waitFor(() => {
    expect(result.current.access.unauthorized?.code).toBe("unauthorized");
  });
  expect(onUnauthorized).toHaveBeenCalled();
  const first = result.current.access.unauthorized;
  const asked = service.count("GET /v1/models");
  await waitFor(
    () => {
      expect(service.count("GET /v1/models")).toBeGreaterThan(asked);
    },
    { timeout: 4000 },
  );
  expect(result.current.access.unauthorized).toBe(first); // what is asked again and again is told once
  await act(() => result.current.access.signIn("dk_key"));
  expect(result.current.access.unauthorized).toBeUndefined();
  await waitFor(() => {
    expect([result.current.models.models.length, result.current.gallery.jobs.length]).toEqual([1, 1]);
  });
});
