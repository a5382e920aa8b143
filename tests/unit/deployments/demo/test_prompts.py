"""What a denoiser is told in training is what its pipeline tells it: in the same form, with the same numbers."""

from typing import Any

import numpy as np
import pytest
import torch

from deployments.catalog import DEMO_T5_TOKENS
from deployments.demo.pipelines import build_pipeline
from deployments.demo.training import prompts
from deployments.demo.world.draw import draw

CPU = torch.device("cpu")
TEXT = "A small RED circle, top left"
SIZE = (192, 128)


def told_by_pipeline(model: str, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """The untrained pipeline of ``model``, and the inputs that its denoiser gets for :data:`TEXT`."""
    pipeline = build_pipeline(model, 1)
    pipeline.set_progress_bar_config(disable=True)
    seen: dict[str, Any] = {}
    network = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    network.register_forward_pre_hook(lambda _, args, inputs: seen.update(inputs), with_kwargs=True)
    pipeline(TEXT, width=SIZE[0], height=SIZE[1], num_inference_steps=1, output_type="latent", **settings)
    return pipeline, seen


def test_sd15_is_told_what_its_pipeline_tells_it() -> None:
    pipeline, seen = told_by_pipeline("sd15", guidance_scale=1.0)
    assert torch.equal(prompts.unet_text(pipeline, [TEXT], CPU), seen["encoder_hidden_states"])


def test_sdxl_is_told_what_its_pipeline_tells_it() -> None:
    pipeline, seen = told_by_pipeline("sdxl", guidance_scale=1.0)
    hidden, pooled = prompts.unet_xl_text(pipeline, [TEXT], CPU, np.random.default_rng(1))
    assert torch.equal(hidden, seen["encoder_hidden_states"])
    assert torch.equal(pooled, seen["added_cond_kwargs"]["text_embeds"])
    assert torch.equal(prompts.unet_xl_sizes(SIZE, 1, CPU), seen["added_cond_kwargs"]["time_ids"])


def test_sdxls_empty_prompts_are_both_kinds_that_its_pipeline_knows() -> None:
    pipeline, seen = told_by_pipeline("sdxl", guidance_scale=5.0)
    silence, pooled_silence = seen["encoder_hidden_states"][0], seen["added_cond_kwargs"]["text_embeds"][0]
    hidden, pooled = prompts.unet_xl_text(pipeline, [""] * 8, CPU, np.random.default_rng(1))
    said = pipeline.encode_prompt("", do_classifier_free_guidance=False)
    kinds = {
        torch.equal(row, silence): torch.equal(vector, pooled_silence)
        for row, vector in zip(hidden, pooled, strict=True)
    }
    assert kinds == {True: True, False: False}
    assert all(torch.equal(row, silence) or torch.allclose(row, said[0][0], atol=1e-5) for row in hidden)


@pytest.mark.parametrize("model", ["flux-dev", "flux-schnell"])
def test_flux_is_told_what_its_pipeline_tells_it(model: str) -> None:
    pipeline, seen = told_by_pipeline(model, max_sequence_length=DEMO_T5_TOKENS)
    hidden, pooled = prompts.flux_text(pipeline, [TEXT], CPU)
    assert torch.equal(hidden, seen["encoder_hidden_states"])
    assert torch.equal(pooled, seen["pooled_projections"])


def test_one_prompt_in_ten_is_empty() -> None:
    rng = np.random.default_rng(1)
    pictures = [draw(rng) for _ in range(2000)]
    empty = sum(not text for text in prompts.prompts(pictures, rng))
    assert empty / 2000 == pytest.approx(prompts.UNTOLD, abs=0.02)
