/** What was being composed, kept over a reload: words and numbers, no pictures. Pure. */

import type { Model } from "@darkroom/client";
import { type GenerationSettings, initialSettings, withModel } from "@darkroom/react";

/** `settings` as text. */
export function kept({ image: _image, mask: _mask, ...words }: GenerationSettings): string {
  return JSON.stringify(words);
}

/**
 * The settings in `text`, fitted to what is served now.
 *
 * @param text - of {@link kept}, maybe of an older version of this page; or anything else.
 * @returns `undefined` if it is none of ours, or nothing is served.
 */
export function restored(text: string | null, models: readonly Model[]): GenerationSettings | undefined {
  const first = models[0];
  if (first === undefined || text === null) return undefined;
  const told = parsed(text);
  if (told === undefined) return undefined;
  const model = models.find(({ id }) => id === told.model) ?? first;
  const fresh = initialSettings(model);
  const same = Object.entries(fresh).map(([name, value]: [string, unknown]) => [
    name,
    isAlike(told[name], value) ? told[name] : value,
  ]);
  return withModel({ ...fresh, ...(Object.fromEntries(same) as typeof fresh) }, model, model);
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const told: unknown = JSON.parse(text);
    return typeof told === "object" && told !== null && !Array.isArray(told) ? { ...told } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `kept` can stand where a fresh form has `fresh`. */
function isAlike(kept: unknown, fresh: unknown): boolean {
  if (Array.isArray(fresh)) return Array.isArray(kept);
  if (fresh === null) return kept === null || typeof kept === "string" || typeof kept === "number";
  return typeof kept === typeof fresh;
}
