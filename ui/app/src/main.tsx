import "./styles/tokens.css";
import "./styles/global.css";

import { Darkroom } from "@darkroom/client";
import { DarkroomProvider } from "@darkroom/react";
import { QueryClient } from "@tanstack/react-query";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";

import { App } from "./App.js";
import { CompositionProvider } from "./develop/Composition.js";
import { DevelopSessionProvider } from "./develop/DevelopSession.js";
import { letMarkupBeEmptied } from "./shell/markup.js";
import { applyTheme } from "./shell/theme.js";

letMarkupBeEmptied();
applyTheme();

const darkroom = new Darkroom();
// the service may be on this very machine: what the browser thinks of its network says little
const queries = new QueryClient({
  defaultOptions: { queries: { networkMode: "always" }, mutations: { networkMode: "always" } },
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    <I18nProvider locale="en-US">
      <DarkroomProvider client={darkroom} queryClient={queries}>
        <CompositionProvider>
          <DevelopSessionProvider>
            <App />
          </DevelopSessionProvider>
        </CompositionProvider>
      </DarkroomProvider>
    </I18nProvider>
  </StrictMode>,
);
