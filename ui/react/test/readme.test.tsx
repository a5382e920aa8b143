import { readFile } from "node:fs/promises";

import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect } from "vitest";

import { Page } from "./readme-example.js";
import { LIFE } from "./samples.js";
import { test } from "./scripted-service.js";

test("the README's example is the one that is tested here", async () => {
  const [readme, example] = await Promise.all(
    ["README.md", "test/readme-example.tsx"].map((path) => readFile(`${import.meta.dirname}/../${path}`, "utf8")),
  );
  expect(readme).toContain(`\`\`\`tsx\n${example ?? ""}\`\`\``);
});

test("the README's example develops a picture", async ({ service }) => {
  render(<Page client={service.client()} />);
  await userEvent.type(await screen.findByRole("textbox", { name: "Prompt" }), "a red circle");
  await userEvent.click(screen.getByRole("button", { name: "Develop" }));
  await waitFor(() => expect(service.submitted).toMatchObject([{ prompt: "a red circle", model: "sd15", steps: 25 }]));
  service.job("j1").tell(...LIFE);
  await waitFor(() => expect(screen.getByRole("status").textContent).toBe("Done"));
  expect(document.querySelector(`img[src="${service.url}/v1/jobs/j1/images/0"]`)).not.toBeNull();
});
