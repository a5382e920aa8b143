import type { Model } from "@darkroom/client";
import {
  fittedSize,
  type GenerationSettings,
  limitsOf,
  type SourcePicture,
  validate,
  withPictures,
} from "@darkroom/react";
import { Brush, ImagePlus, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { DropZone, FileTrigger, isFileDropItem, Text } from "react-aria-components";

import { Button } from "../ui/Button.js";
import { tooLarge } from "./pictures.js";
import css from "./SourceField.module.css";
import { usePastedPicture } from "./usePastedPicture.js";
import { usePictureUrl } from "./usePictureUrl.js";
import { useTakenPicture } from "./useTakenPicture.js";

const NO_PICTURE = "This file is no picture that a browser can show.";

const MaskDialog = lazy(() => import("./MaskDialog.js"));

interface SourceFieldProps {
  model: Model;
  settings: GenerationSettings;
  onChange: (settings: GenerationSettings) => void;
  /** What the service says of the picture. */
  error: string | undefined;
}

/** A picture to start from: dropped, pasted or picked; and the mask that is painted over it. */
export function SourceField({ model, settings, onChange, error }: SourceFieldProps) {
  const [isMasking, setMasking] = useState(false);
  const [problem, setProblem] = useState<string>();
  const { image, mask } = settings;
  const url = usePictureUrl(image);
  const maskUrl = usePictureUrl(mask);
  const limits = limitsOf(model);

  const take = useTakenPicture((file, size) => {
    const composed = withPictures(settings, { image: file }, model);
    const wrong =
      size === undefined ? NO_PICTURE : (validate(composed, model).image ?? tooLarge(size, limits.maxInputPixels));
    setProblem(wrong);
    if (size !== undefined && wrong === undefined) onChange({ ...composed, ...fittedSize(size, limits) });
  });
  const takeFile = (file: Blob | null | undefined) => {
    if (file) take(file);
  };
  const put = (pictures: { image?: SourcePicture | undefined; mask?: SourcePicture | undefined }) => {
    onChange(withPictures(settings, pictures, model));
  };
  usePastedPicture((file) => {
    if (!isMasking) take(file);
  });

  const said = problem ?? error;
  return (
    <div className={css.field} role="group" aria-label="A picture to start from">
      <DropZone
        className={css.zone}
        data-filled={url !== undefined}
        onDrop={({ items }) => {
          const item = items.find(isFileDropItem);
          if (item === undefined) setProblem("Only a picture’s file can be dropped here.");
          else void item.getFile().then(takeFile);
        }}
      >
        {url !== undefined && (
          <span className={css.picture}>
            <img src={url} alt="What it starts from" />
            {maskUrl !== undefined && (
              <span
                className={css.mask}
                style={{ maskImage: `url("${maskUrl}")` }}
                role="img"
                aria-label="What is repainted"
              />
            )}
          </span>
        )}
        <div className={css.actions}>
          <FileTrigger
            acceptedFileTypes={limits.inputFormats}
            onSelect={(files) => {
              takeFile(files?.[0]);
            }}
          >
            <Button variant="bare">
              <ImagePlus size={18} strokeWidth={1.75} aria-hidden />
              {url === undefined ? "Start from a picture" : "Another one"}
            </Button>
          </FileTrigger>
          {url !== undefined && model.capabilities.inpaint && (
            <Button
              variant="bare"
              onPress={() => {
                setMasking(true);
              }}
            >
              <Brush size={18} strokeWidth={1.75} aria-hidden />
              {mask === undefined ? "Paint a mask" : "Change the mask"}
            </Button>
          )}
          {url !== undefined && (
            <Button
              variant="bare"
              onPress={() => {
                take(undefined);
                setProblem(undefined);
                put({});
              }}
            >
              <X size={18} strokeWidth={1.75} aria-hidden />
              Remove
            </Button>
          )}
        </div>
        <Text slot="label" className={css.hint}>
          {url === undefined ? "or drop or paste one here" : ""}
        </Text>
      </DropZone>
      <p className={css.problem} role="alert">
        {said}
      </p>
      {isMasking && image !== undefined && (
        <Suspense>
          <MaskDialog
            image={image}
            mask={mask}
            onDone={(painted) => {
              setMasking(false);
              put({ image, mask: painted });
            }}
            onClose={() => {
              setMasking(false);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}
