import { type FieldErrors, fieldErrors, type GenerationSettings, validate } from "@darkroom/react";
import { useState } from "react";

import { sentenceOf, waitOf } from "../words/errors.js";
import { useComposition } from "./Composition.js";
import { useDevelopSession } from "./DevelopSession.js";
import { useCountdown } from "./useCountdown.js";

/** What the composing form needs: its value, what is wrong with it, and the way on. */
export interface Develop {
  errors: FieldErrors;
  /** What was wrong with the last try, where no field says it. */
  refusal: string | undefined;
  /** Seconds until another try is worth it. */
  waitS: number;
  change: (settings: GenerationSettings) => void;
  submit: () => void;
}

/** The composing form, from its value to a job. */
export function useDevelop(): Develop {
  const { settings, model, change } = useComposition();
  const { develop, error, clearError } = useDevelopSession();
  const [wasTried, setTried] = useState(false);
  const waitS = useCountdown(error, waitOf(error));

  const refused = fieldErrors(error);
  const found = wasTried && settings !== undefined && model !== undefined ? validate(settings, model) : {};
  const errors = { ...found, ...refused };
  const isOfAField = Object.keys(refused).length > 0;
  const isAskedFor = error?.code === "unauthorized";

  return {
    errors,
    refusal: error === undefined || isOfAField || isAskedFor ? undefined : sentenceOf(error),
    waitS,
    change: (next) => {
      if (isOfAField) clearError();
      change(next);
    },
    submit: () => {
      if (settings === undefined || model === undefined || waitS > 0) return;
      const isFine = Object.keys(validate(settings, model)).length === 0;
      setTried(!isFine);
      if (isFine) void develop();
    },
  };
}
