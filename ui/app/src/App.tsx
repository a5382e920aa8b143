import { useAccess } from "@darkroom/react";
import { lazy, Suspense, useState } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";

import css from "./App.module.css";
import { DevelopPage } from "./develop/DevelopPage.js";
import { useDevelopSession } from "./develop/DevelopSession.js";
import { useStanding } from "./service/useStanding.js";
import { SignIn } from "./session/SignIn.js";
import { Banner } from "./shell/Banner.js";
import { Boundary } from "./shell/Boundary.js";
import { Header } from "./shell/Header.js";
import { NotFound } from "./shell/NotFound.js";
import { titleOf } from "./shell/titles.js";
import { useArrival } from "./shell/useArrival.js";
import { useStrayDrops } from "./shell/useStrayDrops.js";

const GalleryPage = lazy(() => import("./gallery/GalleryPage.js"));
const DetailPage = lazy(() => import("./detail/DetailPage.js"));
const OperationsPage = lazy(() => import("./operations/OperationsPage.js"));

/** The frame of every page. */
export function App() {
  const [place] = useLocation();
  const standing = useStanding();
  const { unauthorized } = useAccess();
  const { error } = useDevelopSession();
  // what is asked for by itself does not ask for a key twice; who develops a picture without one is asked again
  const asking = unauthorized && error?.code === "unauthorized" ? error : unauthorized;
  const [putAway, setPutAway] = useState<unknown>();
  useArrival(titleOf(place), place);
  useStrayDrops();

  return (
    <div className={css.app}>
      <a className={css.skip} href="#main">
        Skip to the content
      </a>
      <Header
        place={place}
        standing={standing}
        onSignIn={
          unauthorized &&
          (() => {
            setPutAway(undefined);
          })
        }
      />
      <Banner standing={standing} />
      <main id="main" className={css.main} tabIndex={-1}>
        <Boundary key={place}>
          <Suspense>
            <Switch>
              <Route path="/" component={DevelopPage} />
              <Route path="/gallery" component={GalleryPage} />
              <Route path="/jobs">
                <Redirect to="/gallery" replace />
              </Route>
              <Route path="/jobs/:id">{({ id }) => <DetailPage key={id} jobId={id} />}</Route>
              <Route path="/operations" component={OperationsPage} />
              <Route component={NotFound} />
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <SignIn
        isOpen={asking !== undefined && asking !== putAway}
        onClose={() => {
          setPutAway(asking);
        }}
        onSignedIn={() => {
          setPutAway(undefined);
        }}
      />
    </div>
  );
}
