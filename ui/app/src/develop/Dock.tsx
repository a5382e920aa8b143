import { PromptInput } from "@darkroom/react";
import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { Heading } from "react-aria-components";

import { Button } from "../ui/Button.js";
import { Sheet } from "../ui/Sheet.js";
import { useComposition } from "./Composition.js";
import { Controls } from "./Controls.js";
import { DevelopButton } from "./DevelopButton.js";
import css from "./Dock.module.css";
import type { Develop } from "./useDevelop.js";
import { usePictureUrl } from "./usePictureUrl.js";

/** On a narrow window: words and the button at the bottom, all else in a sheet. */
export function Dock({ develop }: { develop: Develop }) {
  const { settings } = useComposition();
  const source = usePictureUrl(settings?.image);
  const [isOpen, setOpen] = useState(false);
  const isWrongWithin = Object.keys(develop.errors).some((field) => field !== "prompt");
  const told = isWrongWithin ? { ...develop, refusal: "One of the settings needs another look." } : develop;
  const close = () => {
    setOpen(false);
  };
  return (
    <section className={css.dock} aria-label="Compose">
      {settings !== undefined && (
        <PromptInput
          className={css.prompt}
          value={settings.prompt}
          onChange={(prompt) => {
            develop.change({ ...settings, prompt });
          }}
          supportsNegative={false}
          error={develop.errors.prompt}
          onSubmit={develop.submit}
        />
      )}
      <div className={css.row}>
        <Button
          className={css.more}
          aria-label={source === undefined ? "All settings" : "All settings; it starts from a picture"}
          onPress={() => {
            setOpen(true);
          }}
        >
          {source === undefined ? (
            <SlidersHorizontal size={18} strokeWidth={1.75} aria-hidden />
          ) : (
            <img className={css.source} src={source} alt="" />
          )}
        </Button>
        <DevelopButton develop={told} isDisabled={settings === undefined} />
      </div>
      <Sheet isOpen={isOpen} onClose={close}>
        <div className={css.head}>
          <Heading slot="title">Settings</Heading>
          <Button variant="bare" onPress={close}>
            Done
          </Button>
        </div>
        <Controls develop={develop} />
      </Sheet>
    </section>
  );
}
