import "./styles/tokens.css";

export { DarkroomProvider, type DarkroomProviderProps } from "./provider.js";

export { type AccessState, useAccess } from "./hooks/use-access.js";
export { useDarkroom } from "./hooks/use-darkroom.js";
export { type GalleryState, useGallery } from "./hooks/use-gallery.js";
export { type ImageGeneration, useImageGeneration } from "./hooks/use-image-generation.js";
export { type JobStatusState, useJobStatus } from "./hooks/use-job-status.js";
export { type ModelsState, useModels } from "./hooks/use-models.js";
export { type Removal, useRemoval } from "./hooks/use-removal.js";
export { type StreamOptions, type StreamState, useSSEStream } from "./hooks/use-sse-stream.js";
export type { Connection } from "./jobs/job-store.js";
export type { GalleryFilters } from "./keys.js";

export { develop } from "./develop/develop.js";
export {
  type Developing,
  type DevelopingImage,
  developingOf,
  type DevelopingStatus,
  isOver,
} from "./develop/developing.js";

export { announcement, duration, inWords, progressOf, stepOf } from "./develop/progress.js";

export { fromJob } from "./settings/from-job.js";
export { fittedSize, type Limits, limitsOf, MAX_SEED, type Size } from "./settings/limits.js";
export { fetchPictures } from "./settings/pictures.js";
export {
  type Composed,
  type GenerationSettings,
  type ImageFormat,
  initialSettings,
  type LoraSetting,
  type SourcePicture,
  toRequest,
  withModel,
  withPictures,
} from "./settings/settings.js";
export { type FieldErrors, fieldErrors, type SettingsField, validate } from "./settings/validate.js";

export { GenerationProgress, type GenerationProgressProps } from "./components/progress/generation-progress.js";
export { ImageDisplay, type ImageDisplayProps } from "./components/image-display/image-display.js";
export { ParameterControls, type ParameterControlsProps } from "./components/parameter-controls/parameter-controls.js";
export { PromptInput, type PromptInputProps } from "./components/prompt-input/prompt-input.js";
export { Gallery, type GalleryProps } from "./components/gallery/gallery.js";
export { type ThumbnailWidth, thumbnailUrl } from "./components/gallery/thumbnail.js";
