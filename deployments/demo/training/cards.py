"""The cards of the demo models: what they are, how they were made, and what they are not."""

from string import Template
from typing import Any

from deployments.catalog import DEMO_T5_TOKENS

_CARD = Template("""\
---
library_name: diffusers
pipeline_tag: text-to-image
license: apache-2.0
tags: [demo, darkroom]
---

# Darkroom's demo weights: $model

**A demo, not a product.** A very small model of the architecture of $original, so that Darkroom runs anywhere with
nothing to download. It knows one small painted world and nothing else: do not judge the real model by it.

- Denoiser: $denoiser of $millions million parameters, told by $told.
- Paints: 128 × 128 pixels; 192 × 128 and 128 × 192 were learnt too, other sizes are served as they come out.
- Knows: circles, squares, triangles, stars, hearts and diamonds in eleven colours, three sizes and nine places, on
  coloured backgrounds, alone or in pairs; mountains, sea, beach, desert, city and meadow by day, at sunset, at night
  and in a storm; robots, houses, trees, boats, cats, lighthouses, balloons and the moon; flat, watercolour, pastel and
  night styles. Words it does not know are passed over.
- Learnt from: pictures that a program drew (`deployments/demo/world`) and captions that it wrote for them. No
  photograph, no artist's work and no other model was used.
- Training: $training All of it can be repeated with `python -m deployments.demo.training`.
- Stored in float16; `latent_rgb.json` is the linear map that previews are made with.

Shared by the four demo models: an autoencoder (8 × 8 pixels to 8 channels) trained on the same pictures, and text
encoders that learnt to tell from a caption what its picture shows.
""")

_DETAILS = {
    "sd15": (
        "Stable Diffusion 1.5",
        "a CLIP text encoder",
        "noise prediction with min-SNR weights, one prompt in ten left empty for guidance.",
    ),
    "sdxl": (
        "Stable Diffusion XL",
        "two CLIP text encoders, pooled text and sizes",
        "noise prediction with min-SNR weights, one prompt in ten left empty (half of those as zeros) for guidance.",
    ),
    "flux-dev": (
        "FLUX.1-dev",
        f"CLIP's pooled text and a T5 encoder of {DEMO_T5_TOKENS} tokens",
        "rectified flow, then classifier-free guidance of scale 1 to 7 distilled into the guidance input.",
    ),
    "flux-schnell": (
        "FLUX.1-schnell",
        f"CLIP's pooled text and a T5 encoder of {DEMO_T5_TOKENS} tokens",
        "distilled from the demo's flux-dev at guidance 3.5: each of four strides learnt from four of its steps.",
    ),
}


def card(model: str, pipeline: Any) -> str:
    """The README.md of the folder of ``model``, whose parts ``pipeline`` holds."""
    original, told, training = _DETAILS[model]
    network = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    return _CARD.substitute(
        model=model,
        original=original,
        denoiser=type(network).__name__,
        millions=f"{network.num_parameters() / 1e6:.1f}",
        told=told,
        training=training,
    )
