import { act, fireEvent, render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  type Developing,
  develop,
  type FieldErrors,
  GenerationProgress,
  type GenerationSettings,
  ImageDisplay,
  initialSettings,
  ParameterControls,
  PromptInput,
  validate,
} from "../src/index.js";
import { unseen } from "../src/develop/developing.js";
import { aModel, COMPLETE, HALF, LIFE, QUEUED, STARTED, told } from "./samples.js";

const after = (...events: Parameters<typeof told>): Developing => told(...events).reduce(develop, unseen("j1"));

describe("PromptInput", () => {
  function Prompt({ onSubmit = () => undefined, error }: { onSubmit?: () => void; error?: string }) {
    const [value, setValue] = useState("");
    const [negative, setNegative] = useState("");
    const props = { value, negative, onSubmit, error, maxLength: 20 };
    return <PromptInput {...props} onChange={setValue} onNegativeChange={setNegative} supportsNegative />;
  }

  test("takes words and what to keep away from", async () => {
    render(<Prompt />);
    await userEvent.type(screen.getByRole("textbox", { name: "Prompt" }), "a fox");
    await userEvent.tab();
    await userEvent.keyboard("blur");
    expect(screen.getByRole("textbox", { name: "Prompt" })).toHaveProperty("value", "a fox");
    expect(screen.getByRole("textbox", { name: "Keep away from" })).toHaveProperty("value", "blur");
  });

  test("submits with Ctrl+Enter and ⌘+Enter, and not with Enter", async () => {
    const onSubmit = vi.fn();
    render(<Prompt onSubmit={onSubmit} />);
    await userEvent.type(screen.getByRole("textbox", { name: "Prompt" }), "a{Enter}b");
    expect(onSubmit).not.toHaveBeenCalled();
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await userEvent.keyboard("{Meta>}{Enter}{/Meta}");
    expect(onSubmit).toHaveBeenCalledTimes(2);
  });

  test("says when it is nearly full, and takes no more than it may", async () => {
    render(<Prompt />);
    await userEvent.type(screen.getByRole("textbox", { name: "Prompt" }), "x".repeat(17));
    expect(screen.getByText("3 characters left")).toBeDefined();
    await userEvent.keyboard("yyyyyy");
    expect(screen.getByText("0 characters left")).toBeDefined();
  });

  test("tells what is wrong", () => {
    render(<Prompt error="Say what to paint." />);
    expect(screen.getByRole("alert").textContent).toBe("Say what to paint.");
    expect(screen.getByRole("textbox", { name: "Prompt" }).getAttribute("aria-invalid")).toBe("true");
  });

  test("what is wrong with one of the two fields is said at that one", () => {
    const nothing = () => undefined;
    render(
      <PromptInput
        value="a fox"
        onChange={nothing}
        onNegativeChange={nothing}
        supportsNegative
        negativeError="Too long."
        onSubmit={nothing}
      />,
    );
    const isWrong = (name: string) => screen.getByRole("textbox", { name }).getAttribute("aria-invalid") === "true";
    expect([isWrong("Prompt"), isWrong("Keep away from")]).toEqual([false, true]);
  });

  test("has no second field for a model that takes none", () => {
    const nothing = () => undefined;
    render(
      <PromptInput
        value=""
        onChange={nothing}
        onNegativeChange={nothing}
        supportsNegative={false}
        onSubmit={nothing}
      />,
    );
    expect(screen.getAllByRole("textbox")).toHaveLength(1);
  });
});

describe("ParameterControls", () => {
  let latest: GenerationSettings;

  function Controls({
    model = aModel(),
    start = {},
    errors,
  }: {
    model?: ReturnType<typeof aModel>;
    start?: Partial<GenerationSettings>;
    errors?: FieldErrors;
  }) {
    const [value, setValue] = useState<GenerationSettings>({ ...initialSettings(model), prompt: "a fox", ...start });
    latest = value;
    return (
      <ParameterControls model={model} value={value} onChange={setValue} errors={errors ?? validate(value, model)} />
    );
  }

  test("shows only what the model has", async () => {
    const bare = { supports_guidance: false, samplers: [], lora: false, img2img: false };
    render(<Controls model={aModel(bare)} start={{ image: new Blob() }} />);
    await userEvent.click(screen.getByRole("button", { name: "More" }));
    const names = screen
      .getAllByRole("slider")
      .map((slider) => slider.closest("[role=group]")?.getAttribute("aria-label"));
    expect(names).toEqual(["Steps", "Images"]);
    expect(screen.queryByRole("button", { name: /Sampler/ })).toBeNull();
    expect(screen.queryByRole("group", { name: "LoRAs" })).toBeNull();
  });

  test("a size is chosen by keyboard, among the model's own", async () => {
    render(<Controls />);
    const sizes = screen.getByRole("radiogroup", { name: "Size" });
    act(() => within(sizes).getByRole("radio", { name: "512 × 512" }).focus());
    await userEvent.keyboard("{ArrowRight}");
    expect(latest).toMatchObject({ width: 768, height: 512 });
  });

  test("any other size is written, on the model's grid, and both sides swap", async () => {
    render(<Controls />);
    expect(screen.queryByRole("textbox", { name: "Width" })).toBeNull();
    await userEvent.click(screen.getByRole("radio", { name: "Other" }));
    const width = screen.getByRole("textbox", { name: "Width" });
    await userEvent.clear(width);
    await userEvent.type(width, "635{Tab}");
    expect(latest).toMatchObject({ width: 632, height: 512 });
    await userEvent.click(screen.getByRole("button", { name: "Swap width and height" }));
    expect(latest).toMatchObject({ width: 512, height: 632 });
  });

  test("more pixels than the model takes are told", async () => {
    render(<Controls start={{ width: 1024, height: 1024 }} />);
    expect((await screen.findByRole("alert")).textContent).toMatch(/at most 0.59 megapixels/);
  });

  test("a number is moved by the arrow keys and written exactly, within bounds", async () => {
    render(<Controls />);
    act(() => screen.getByRole("slider", { name: "Steps" }).focus());
    await userEvent.keyboard("{ArrowRight}{ArrowRight}");
    expect(latest.steps).toBe(27);
    const field = screen.getByRole("textbox", { name: "Steps" });
    await userEvent.clear(field);
    await userEvent.type(field, "500{Tab}");
    expect(latest.steps).toBe(100);
  });

  test("an emptied number stays as it was", async () => {
    render(<Controls />);
    await userEvent.clear(screen.getByRole("textbox", { name: "Guidance" }));
    await userEvent.tab();
    expect(latest.guidance).toBe(7.5);
  });

  test("a written or drawn seed is kept, until it is unlocked", async () => {
    render(<Controls />);
    const lock = screen.getByRole("button", { name: "Keep the seed" });
    await userEvent.type(screen.getByRole("textbox", { name: "Seed" }), "42{Tab}");
    expect(latest).toMatchObject({ seed: 42, seedLocked: true });
    expect(lock.getAttribute("aria-pressed")).toBe("true");
    await userEvent.click(lock);
    expect(latest).toMatchObject({ seed: 42, seedLocked: false });
    await userEvent.click(screen.getByRole("button", { name: "Draw a seed" }));
    expect(latest.seedLocked).toBe(true);
    expect(latest.seed).not.toBe(42);
  });

  test("a sampler is chosen from a list, and the model's own again", async () => {
    render(<Controls />);
    await userEvent.click(screen.getByRole("button", { name: "More" }));
    await userEvent.click(screen.getByRole("button", { name: /Sampler/ }));
    await userEvent.click(screen.getByRole("option", { name: "ddim" }));
    expect(latest.sampler).toBe("ddim");
    await userEvent.click(screen.getByRole("button", { name: /Sampler/ }));
    await userEvent.click(screen.getByRole("option", { name: "The model's own" }));
    expect(latest.sampler).toBeNull();
  });

  test("LoRAs are added, scaled and removed", async () => {
    render(<Controls />);
    await userEvent.click(screen.getByRole("button", { name: "More" }));
    await userEvent.click(screen.getByRole("button", { name: /Add a LoRA/ }));
    await userEvent.click(screen.getByRole("option", { name: "oil" }));
    expect(latest.loras).toEqual([{ name: "oil", scale: 1 }]);
    const scale = screen.getByRole("textbox", { name: "oil" });
    await userEvent.clear(scale);
    await userEvent.type(scale, "-0.5{Tab}");
    expect(latest.loras).toEqual([{ name: "oil", scale: -0.5 }]);
    await userEvent.click(screen.getByRole("button", { name: "Remove oil" }));
    expect(latest.loras).toEqual([]);
  });

  test("strength is there with a picture, and quality with what has one", async () => {
    render(<Controls start={{ image: new Blob() }} />);
    expect(screen.getByRole("textbox", { name: "Strength" })).toHaveProperty("value", "75%");
    await userEvent.click(screen.getByRole("button", { name: "More" }));
    expect(screen.queryByRole("slider", { name: "Quality" })).toBeNull();
    await userEvent.click(screen.getByRole("radio", { name: "WEBP" }));
    expect(screen.getByRole("slider", { name: "Quality" })).toBeDefined();
  });

  test("what is wrong further down is shown", () => {
    render(<Controls errors={{ sampler: "Not this one." }} />);
    expect(screen.getByRole("button", { name: "More" }).getAttribute("aria-expanded")).toBe("true");
    expect(screen.getByText("Not this one.")).toBeDefined();
  });
});

describe("GenerationProgress", () => {
  const status = () => screen.getByRole("status").textContent;

  test("tells the place in the queue and when it will be there", () => {
    render(<GenerationProgress developing={after(QUEUED)} connection="open" />);
    expect(screen.getByText("Waiting behind 2 others")).toBeDefined();
    expect(screen.getByText("about 2 s")).toBeDefined();
    expect(screen.getByRole("progressbar", { name: "Progress" }).getAttribute("aria-valuenow")).toBeNull();
  });

  test("tells steps, and says half-time aloud but not each step", () => {
    const { rerender } = render(<GenerationProgress developing={after(STARTED)} connection="open" />);
    const said = new Set<string | null>();
    for (let step = 1; step <= 20; step += 1) {
      const developing = after(STARTED, { event: "progress", step, total: 20 });
      rerender(<GenerationProgress developing={developing} connection="open" />);
      said.add(status());
    }
    expect([...said]).toEqual(["Developing", "Half developed"]);
    expect(screen.getByText("20 / 20")).toBeDefined();
    expect(screen.getByRole("progressbar").getAttribute("aria-valuetext")).toBe("Step 20 of 20");
    rerender(<GenerationProgress developing={after(STARTED, COMPLETE)} connection="closed" />);
    expect(status()).toBe("Done");
  });

  test("counts all images of a job", () => {
    const two = after(STARTED, { ...HALF, index: 0 } as typeof HALF, {
      event: "progress",
      step: 20,
      total: 20,
      index: 1,
    });
    render(<GenerationProgress developing={two} connection="open" />);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("75");
  });

  test("says that the connection broke, and that a job was taken up again", () => {
    const restarted = after(STARTED, { event: "restarted", attempt: 2, reason: "lost", step: 5 });
    const { rerender } = render(<GenerationProgress developing={restarted} connection="open" />);
    expect(screen.getByText("Taken up again at step 5")).toBeDefined();
    rerender(<GenerationProgress developing={restarted} connection="reconnecting" />);
    expect(status()).toBe("The connection broke; trying again");
  });

  test("cancels, until there is nothing to cancel", async () => {
    const onCancel = vi.fn();
    const { rerender } = render(
      <GenerationProgress developing={after(STARTED)} connection="open" onCancel={onCancel} />,
    );
    await userEvent.tab();
    await userEvent.keyboard("{Enter}");
    expect(onCancel).toHaveBeenCalledOnce();
    rerender(<GenerationProgress developing={after(...LIFE)} connection="closed" onCancel={onCancel} />);
    expect(screen.queryByRole("button")).toBeNull();
  });

  test("a failure tells why", () => {
    const failed = after(STARTED, { event: "error", code: "out_of_memory", message: "too large" });
    render(<GenerationProgress developing={failed} connection="closed" />);
    expect(screen.getAllByText("Failed: too large")).toHaveLength(2);
  });
});

describe("ImageDisplay", () => {
  const image = { index: 0, step: 5, total: 20 };
  const sources = () => screen.queryAllByRole("img").map((img) => img.getAttribute("src"));

  test("keeps its shape from before the first preview on", () => {
    render(<ImageDisplay image={{ ...image, width: 768, height: 512 }} alt="a fox" data-testid="display" />);
    expect(screen.getByTestId("display").style.aspectRatio).toBe("1.5");
    expect(sources()).toEqual([]);
  });

  test("one picture fades into the next, and the words are those of the one that is seen", () => {
    vi.useFakeTimers();
    const { rerender } = render(<ImageDisplay image={{ ...image, preview: "data:a" }} alt="a fox" />);
    const first = document.querySelector("img[src='data:a']");
    if (first === null) throw new Error("no preview");
    fireEvent.load(first);
    expect(screen.getByRole("img", { name: "a fox" }).getAttribute("src")).toBe("data:a");
    rerender(<ImageDisplay image={{ ...image, preview: "data:a", url: "http://x/final" }} alt="a fox" />);
    expect(screen.getByRole("img", { name: "a fox" }).getAttribute("src")).toBe("data:a");
    const final = document.querySelector("img[src='http://x/final']");
    if (final === null) throw new Error("no final image");
    fireEvent.load(final);
    expect(screen.getByRole("img", { name: "a fox" }).getAttribute("src")).toBe("http://x/final");
    act(() => void vi.advanceTimersByTime(1000));
    expect(document.querySelectorAll("img")).toHaveLength(1);
    vi.useRealTimers();
  });

  test("the empty place moves while something may come, and is still when nothing will", () => {
    const { rerender } = render(<ImageDisplay image={image} alt="" />);
    const moves = () => document.querySelector("[data-empty=true]") !== null;
    expect(moves()).toBe(true);
    rerender(<ImageDisplay image={image} alt="" isOver />);
    expect(moves()).toBe(false);
  });

  describe("a finished image that can't be loaded", () => {
    const isAskedFor = () => document.querySelector("img[src='http://x/final']");
    const told = () => screen.queryByRole("alert")?.textContent;

    function fail() {
      const final = isAskedFor();
      if (final === null) throw new Error("no final image");
      fireEvent.error(final);
    }

    beforeEach(() => {
      vi.useFakeTimers();
      render(<ImageDisplay image={{ ...image, preview: "data:a", url: "http://x/final" }} alt="a fox" />);
    });

    afterEach(() => {
      vi.useRealTimers();
    });

    test("leaves its last preview, and says so", () => {
      fail();
      expect(told()).toBe("The finished image is still to be loaded");
      expect(document.querySelector("img[src='data:a']")).not.toBeNull();
    });

    test("is asked for again after a while, and shown once it has come", () => {
      fail();
      expect(isAskedFor()).toBeNull();
      act(() => void vi.advanceTimersByTime(1000));
      const final = isAskedFor();
      if (final === null) throw new Error("not asked for again");
      fireEvent.load(final);
      expect(told()).toBeUndefined();
      expect(screen.getByRole("img", { name: "a fox" }).getAttribute("src")).toBe("http://x/final");
    });

    test("is given up in the end", () => {
      let times = 0;
      for (; isAskedFor() !== null; times += 1) {
        fail();
        act(() => void vi.advanceTimersByTime(60_000));
      }
      expect(times).toBe(9);
      expect(told()).toBe("The finished image could not be loaded");
    });
  });

  test("its light is hidden from those who can't see it", () => {
    render(<ImageDisplay image={{ ...image, preview: "data:a" }} alt="" glow />);
    const [preview] = document.querySelectorAll("img");
    if (preview === undefined) throw new Error("no preview");
    fireEvent.load(preview);
    expect(document.querySelectorAll("img")).toHaveLength(2);
    expect(sources()).toEqual([]);
  });
});
