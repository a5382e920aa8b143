import { expect, it } from "vitest";

import { pictureIn, tooLarge } from "../src/develop/pictures.js";

const pasted = (types: string[], ...files: File[]) => ({ types, files }) as unknown as DataTransfer;
const PICTURE = new File(["…"], "picture.png", { type: "image/png" });

it("takes the first picture of what is pasted", () => {
  const letter = new File(["…"], "letter.txt", { type: "text/plain" });
  expect(pictureIn(pasted(["Files"], letter, PICTURE))).toBe(PICTURE);
  expect(pictureIn(pasted(["text/html", "Files"], PICTURE))).toBe(PICTURE); // as a browser copies one
  expect(pictureIn(pasted(["Files"], letter))).toBeUndefined();
  expect(pictureIn(null)).toBeUndefined();
});

it("leaves text that an office program has copied, with a picture of it, to be pasted as text", () => {
  expect(pictureIn(pasted(["text/plain", "text/html", "Files"], PICTURE))).toBeUndefined();
});

it("refuses what has more pixels than are taken", () => {
  expect(tooLarge({ width: 4000, height: 8000 }, 32_000_000)).toBeUndefined();
  expect(tooLarge({ width: 4001, height: 8000 }, 32_000_000)).toBe("At most 32 megapixels.");
});
