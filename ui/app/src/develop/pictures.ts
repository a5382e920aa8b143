/** Pictures from the user's disk. */

/** Its size in pixels; `undefined` if the browser can't read it. */
export async function sizeOfPicture(file: Blob): Promise<{ width: number; height: number } | undefined> {
  try {
    const bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  } catch {
    return undefined;
  }
}

/** Why a picture of this size is none to start from. */
export function tooLarge({ width, height }: { width: number; height: number }, maxPixels: number): string | undefined {
  return width * height > maxPixels ? `At most ${Math.round(maxPixels / 1e6)} megapixels.` : undefined;
}

/** The first picture in what was pasted; none if it is text: of that, office programs add a picture. */
export function pictureIn(data: Pick<DataTransfer, "files" | "types"> | null): File | undefined {
  if (data?.types.includes("text/plain") === true) return undefined;
  return [...(data?.files ?? [])].find(({ type }) => type.startsWith("image/"));
}
