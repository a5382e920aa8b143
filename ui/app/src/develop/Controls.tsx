import { ParameterControls, PromptInput } from "@darkroom/react";

import { useComposition } from "./Composition.js";
import css from "./Controls.module.css";
import { ModelPicker } from "./ModelPicker.js";
import { SourceField } from "./SourceField.js";
import type { Develop } from "./useDevelop.js";

/** Everything that can be set, from the words to the file format. */
export function Controls({ develop }: { develop: Develop }) {
  const { settings, model } = useComposition();
  const { errors, change, submit } = develop;
  // a picture that was chosen stays in sight: this model refuses it
  const isAboutPictures = model?.capabilities.img2img === true || settings?.image !== undefined;
  return (
    <div className={css.controls}>
      <ModelPicker />
      {settings !== undefined && model !== undefined && (
        <>
          <PromptInput
            value={settings.prompt}
            onChange={(prompt) => {
              change({ ...settings, prompt });
            }}
            negative={settings.negative_prompt}
            onNegativeChange={(negative_prompt) => {
              change({ ...settings, negative_prompt });
            }}
            supportsNegative={model.capabilities.supports_negative_prompt}
            error={errors.prompt}
            negativeError={errors.negative_prompt}
            onSubmit={submit}
          />
          {isAboutPictures && (
            <SourceField model={model} settings={settings} onChange={change} error={errors.image ?? errors.mask} />
          )}
          <ParameterControls model={model} value={settings} onChange={change} errors={errors} />
        </>
      )}
    </div>
  );
}
