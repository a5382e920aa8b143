import { render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";

import type { Job } from "@darkroom/client";

import { Gallery } from "../src/index.js";
import { jobsOf, type Pages, withJob, withoutJob } from "../src/gallery-cache.js";
import { aJob } from "./samples.js";

describe("the pages of a gallery", () => {
  const pages = (...all: string[][]): Pages => ({
    pages: all.map((ids, at) => ({ jobs: ids.map(numbered), next_cursor: at === all.length - 1 ? null : "more" })),
    pageParams: all.map(() => null),
  });
  const numbered = (id: string): Job => aJob({ job_id: id, created_at: Number(id) });
  const ids = (told: Pages) => told.pages.map(({ jobs }) => jobs.map(({ job_id }) => job_id));

  test("a new job goes where its age puts it", () => {
    expect(ids(withJob(pages(["9", "7"], ["5", "3"]), numbered("10"), {}))).toEqual([
      ["10", "9", "7"],
      ["5", "3"],
    ]);
    expect(ids(withJob(pages(["9", "7"], ["5", "3"]), numbered("6"), {}))).toEqual([
      ["9", "7"],
      ["6", "5", "3"],
    ]);
    expect(ids(withJob(pages(["9", "7"], ["5", "3"]), numbered("1"), {}))).toEqual([
      ["9", "7"],
      ["5", "3", "1"],
    ]);
    expect(ids(withJob(pages([]), numbered("1"), {}))).toEqual([["1"]]);
  });

  test("one that is older than what is loaded comes with its own page", () => {
    const some = pages(["9", "7"], ["5"]);
    const loaded: Pages = { ...some, pages: some.pages.slice(0, 1) };
    expect(ids(withJob(loaded, numbered("5"), {}))).toEqual([["9", "7"]]);
  });

  test("one that is there is changed in its place", () => {
    const changed = withJob(pages(["9", "7"]), { ...numbered("7"), status: "failed" }, {});
    expect(changed.pages[0]?.jobs.map(({ status }) => status)).toEqual(["succeeded", "failed"]);
  });

  test("the filters hold for what comes, and for what changes", () => {
    const old = pages(["9"]);
    expect(ids(withJob(old, numbered("10"), { model: "sdxl" }))).toEqual([["9"]]);
    expect(ids(withJob(old, numbered("10"), { text: "RED" }))).toEqual([["10", "9"]]);
    expect(ids(withJob(old, { ...numbered("9"), status: "failed" }, { status: "succeeded" }))).toEqual([[]]);
  });

  test("each job is told once", () => {
    expect(jobsOf(pages(["9", "7"], ["7", "5"])).map(({ job_id }) => job_id)).toEqual(["9", "7", "5"]);
    expect(ids(withoutJob(pages(["9", "7"], ["7"]), "7"))).toEqual([["9"], []]);
  });
});

describe("Gallery", () => {
  beforeEach(() => {
    // a window of 600 × 600 pixels: jsdom lays out nothing
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
    return () => vi.restoreAllMocks();
  });

  const jobs = Array.from({ length: 500 }, (_, at) =>
    aJob({ job_id: `j${at}`, request: { ...aJob().request, prompt: `fox ${at}` } }),
  );
  const nothing = () => undefined;

  test("has only what is in sight in the document", () => {
    render(<Gallery jobs={jobs} onOpen={nothing} onLoadMore={nothing} hasMore={false} />);
    const rows = within(screen.getByRole("grid", { name: "Gallery" })).getAllByRole("row");
    expect(rows.length).toBeGreaterThan(8);
    expect(rows.length).toBeLessThan(60);
    expect(screen.getByRole("img", { name: "fox 0" }).getAttribute("src")).toBe(
      "http://elsewhere/v1/jobs/j0/images/0?width=256",
    );
  });

  test("is walked by the arrow keys and opened with Enter", async () => {
    const onOpen = vi.fn();
    render(<Gallery jobs={jobs} onOpen={onOpen} onLoadMore={nothing} hasMore={false} />);
    await userEvent.tab();
    await userEvent.keyboard("{ArrowRight}{ArrowRight}{Enter}");
    expect(onOpen).toHaveBeenCalledExactlyOnceWith("j2");
  });

  test("opens with a click", async () => {
    const onOpen = vi.fn();
    render(<Gallery jobs={jobs} onOpen={onOpen} onLoadMore={nothing} hasMore={false} />);
    await userEvent.click(screen.getByRole("img", { name: "fox 3" }));
    expect(onOpen).toHaveBeenCalledExactlyOnceWith("j3");
  });

  test("other jobs may take the place of those that are shown", () => {
    const { rerender } = render(
      <Gallery jobs={jobs.slice(0, 3)} onOpen={nothing} onLoadMore={nothing} hasMore={false} />,
    );
    rerender(<Gallery jobs={jobs.slice(1, 6)} onOpen={nothing} onLoadMore={nothing} hasMore={false} />);
    expect(screen.getAllByRole("img").map((picture) => picture.getAttribute("alt"))).toEqual(
      jobs.slice(1, 6).map(({ request }) => request.prompt),
    );
  });

  test("says in words what has no picture, how many there are, and which one is open", () => {
    const image = aJob().images[0];
    if (image === undefined) throw new Error("no image");
    const odd = [
      aJob({ job_id: "a", status: "failed", images: [] }),
      aJob({ job_id: "b", images_expired: true }),
      aJob({ job_id: "c", images: [image, { ...image, index: 1 }] }),
    ];
    render(<Gallery jobs={odd} onOpen={nothing} onLoadMore={nothing} hasMore={false} selected="c" />);
    expect(screen.getAllByRole("row").map((row) => row.textContent)).toEqual([
      "Faileda red circle",
      "Expireda red circle",
      "one of 2open now",
    ]);
  });

  test("says that it is empty", () => {
    render(<Gallery jobs={[]} onOpen={nothing} onLoadMore={nothing} hasMore={false} empty="Nothing yet" />);
    expect(screen.getByText("Nothing yet")).toBeDefined();
  });
});
