/** Widths that the service makes smaller forms of images in. */
export type ThumbnailWidth = 256 | 512;

/** Where a finished image is in a smaller form. */
export function thumbnailUrl(url: string, width: ThumbnailWidth): string {
  return `${url}${url.includes("?") ? "&" : "?"}width=${width}`;
}
