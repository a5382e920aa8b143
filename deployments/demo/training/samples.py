"""Contact sheets: the same prompts and seeds for every model, to look at."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from deployments.catalog import ModelCard

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


def contact_sheet(pipeline: Any, card: ModelCard, path: Path, seeds: tuple[int, ...] = (1, 2)) -> None:
    """Write a PNG with a column for each of :data:`PROMPTS` and a row for each of ``seeds``, as ``card`` paints."""
    settings = {"num_inference_steps": card.default_steps, "guidance_scale": card.default_guidance}
    if card.max_sequence_length is not None:
        settings["max_sequence_length"] = card.max_sequence_length
    rows = []
    for seed in seeds:
        generators = [torch.Generator("cpu").manual_seed(seed) for _ in PROMPTS]
        rows.append(pipeline(list(PROMPTS), generator=generators, height=128, width=128, **settings).images)
    sheet = Image.new("RGB", (128 * len(PROMPTS), 128 * len(rows)))
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (128 * x, 128 * y))
    sheet.save(path)
