import { Darkroom, type Model } from "@darkroom/client";
import {
  DarkroomProvider,
  fieldErrors,
  GenerationProgress,
  ImageDisplay,
  initialSettings,
  ParameterControls,
  PromptInput,
  toRequest,
  useImageGeneration,
  useModels,
  useSSEStream,
} from "@darkroom/react";
import { useState } from "react";

export function Page({ client = new Darkroom() }) {
  return (
    <DarkroomProvider client={client} onUnauthorized={() => console.warn("ask for a key")}>
      <Room />
    </DarkroomProvider>
  );
}

function Room() {
  const [model] = useModels().models;
  return model === undefined ? "Looking for models …" : <Tray model={model} />;
}

function Tray({ model }: { model: Model }) {
  const [settings, setSettings] = useState(() => initialSettings(model));
  const { generate, cancel, jobs, error } = useImageGeneration();
  const { developing, connection } = useSSEStream(jobs[0]?.jobId, { enabled: jobs[0]?.status !== "submitting" });
  const submit = () => void generate(toRequest(settings, model));
  return (
    <>
      <PromptInput
        value={settings.prompt}
        onChange={(prompt) => setSettings({ ...settings, prompt })}
        supportsNegative={false}
        onSubmit={submit}
      />
      <ParameterControls model={model} value={settings} onChange={setSettings} errors={fieldErrors(error)} />
      <button onClick={submit}>Develop</button>
      {jobs.length > 0 && (
        <GenerationProgress
          developing={developing}
          connection={connection}
          onCancel={() => void cancel(developing.jobId)}
        />
      )}
      {developing.images.map((image) => (
        <ImageDisplay key={image.index} image={image} alt={settings.prompt} glow />
      ))}
    </>
  );
}
