"""Contact sheets: the same prompts and seeds for every model, to look at."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from deployments.demo.architectures import T5_LENGTH

PROMPTS = (
    "a beautiful sunset over mountains",
    "A rusty robot walking on a beach",
    "a red circle on a blue background",
    "a small yellow star in the top left on black",
    "a green triangle and an orange square",
    "a lighthouse in a storm",
    "an orange cat in a city at night",
    "a purple hot air balloon over the desert",
    "a watercolour painting of a house in a meadow",
    "a blue boat at sunset, flat design",
    "full moon over the sea",
    "a pink heart, pastel",
)


def contact_sheet(pipeline: Any, path: Path, seeds: tuple[int, ...] = (1, 2)) -> None:
    """Write a PNG with a column for each of :data:`PROMPTS` and a row for each of ``seeds``, in default steps."""
    rows = []
    for seed in seeds:
        generators = [torch.Generator("cpu").manual_seed(seed) for _ in PROMPTS]
        rows.append(pipeline(list(PROMPTS), generator=generators, height=128, width=128, **_defaults(pipeline)).images)
    sheet = Image.new("RGB", (128 * len(PROMPTS), 128 * len(rows)))
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (128 * x, 128 * y))
    sheet.save(path)


def _defaults(pipeline: Any) -> dict[str, Any]:
    """Steps and guidance as the catalog has them, with fewer steps where many make no difference to a sample."""
    if hasattr(pipeline, "unet"):
        return {"num_inference_steps": 25, "guidance_scale": 5.0}
    if pipeline.transformer.config.guidance_embeds:
        return {"num_inference_steps": 20, "guidance_scale": 3.5, "max_sequence_length": T5_LENGTH}
    return {"num_inference_steps": 4, "guidance_scale": 0.0, "max_sequence_length": T5_LENGTH}
