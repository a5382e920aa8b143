/** Colours as WCAG 2.2 counts them. */

/** Contrast of two `#rrggbb` colours, 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). */
export function contrast(a: string | undefined, b: string | undefined): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** The hexadecimal custom properties of both themes in a stylesheet, as `tokens.css` writes them. */
export function themesOf(css: string): Record<"dark" | "light", Map<string, string>> {
  return { dark: colours(css, 'data-theme="dark"]'), light: colours(css, 'data-theme="light"]') };
}

function colours(css: string, selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  const block = css.slice(start, css.indexOf("}", start));
  return new Map(
    Array.from(block.matchAll(/(--dr-[a-z-]+): (#[0-9a-f]{6});/g), ([, name = "", hex = ""]) => [name, hex]),
  );
}

function luminance(hex: string | undefined): number {
  if (hex === undefined) throw new Error("no such colour");
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => linear(parseInt(hex.slice(at, at + 2), 16) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function linear(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}
