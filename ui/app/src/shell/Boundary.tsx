import { Component, type ReactNode } from "react";

import { Button } from "../ui/Button.js";
import { Notice } from "../ui/Notice.js";

/** Where a page that broke, or a part of it that could not be loaded, ends: in a sentence, not in an empty window. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <Notice
        title="This page could not be shown"
        text="Darkroom may have been updated meanwhile. Your pictures are safe."
      >
        <Button
          onPress={() => {
            location.reload();
          }}
        >
          Load it again
        </Button>
      </Notice>
    );
  }
}
