/** No text becomes markup in this page; its CSP sees to that. Emptying an element is the exception. */

interface TrustedTypes {
  createPolicy(name: "default", rules: { createHTML: (text: string) => string | null }): unknown;
}

/** react-aria takes back what it has told screen readers by `innerHTML = ""`, and breaks off where it must not. */
export function letMarkupBeEmptied(): void {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes }; // not every browser has them
  trustedTypes?.createPolicy("default", { createHTML: (text) => (text === "" ? "" : null) });
}
