import { defaultClientConditions, defaultServerConditions, type UserConfig } from "vite";

/** For every Vite and Vitest configuration here: packages of this workspace are their sources, so none is built first. */
export const fromSource: Pick<UserConfig, "resolve" | "ssr"> = {
  resolve: { conditions: ["darkroom-source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["darkroom-source", ...defaultServerConditions] } },
};
