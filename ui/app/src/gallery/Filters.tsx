import { useModels } from "@darkroom/react";
import { Search, X } from "lucide-react";
import { useEffect, useEffectEvent, useState } from "react";
import { Button as AriaButton, Input, SearchField } from "react-aria-components";

import { Picker } from "../ui/Picker.js";
import css from "./Filters.module.css";
import type { GalleryPlace } from "./useGalleryFilters.js";

const TYPING_MS = 250;
const EVERY = "every";

/** Which pictures: by what their prompts say, and by the model that made them. */
export function Filters({ place }: { place: GalleryPlace }) {
  const { text, model, filter } = place;
  const { models } = useModels();
  const [typed, setTyped] = useState(text);

  const look = useEffectEvent(() => {
    if (typed !== text) filter({ text: typed });
  });
  useEffect(() => {
    const pause = setTimeout(() => {
      look();
    }, TYPING_MS);
    return () => {
      clearTimeout(pause);
    };
  }, [typed]);

  // "show everything" and "back" change the address, not the field
  const [before, setBefore] = useState(text);
  if (before !== text) {
    setBefore(text);
    setTyped(text);
  }

  return (
    <search className={css.filters}>
      <SearchField
        className={css.search}
        aria-label="Search the prompts"
        value={typed}
        onChange={setTyped}
        maxLength={200}
      >
        <Search className={css.lens} size={16} strokeWidth={1.75} aria-hidden />
        <Input className={css.input} placeholder="Search the prompts" />
        <AriaButton className={css.clear} aria-label="Clear the search">
          <X size={14} strokeWidth={2} aria-hidden />
        </AriaButton>
      </SearchField>
      {models.length > 1 && (
        <Picker
          label="Model"
          value={model === "" ? EVERY : model}
          options={[{ id: EVERY, name: "Every model" }, ...models.map(({ id }) => ({ id, name: id }))]}
          onChange={(id) => {
            filter({ model: id === EVERY ? "" : id });
          }}
        />
      )}
    </search>
  );
}
