"""Distillation starts from networks that paint as their teachers do."""

import torch
from diffusers import FluxTransformer2DModel
from torch import Tensor

from deployments.catalog import DEMO_WEIGHTS, card_for
from deployments.demo.architectures import T5_WIDTH, TEXT_WIDTH, flux_transformer
from deployments.demo.training.flows import start_few_steps, start_guided

DEFAULT = card_for("flux-dev", DEMO_WEIGHTS).default_guidance


@torch.no_grad()
def predicted(network: FluxTransformer2DModel, guidance: float | None) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    output: Tensor = network(
        hidden_states=torch.randn(1, 16, 32, generator=draw),
        timestep=torch.tensor([0.7]),
        guidance=None if guidance is None else torch.tensor([guidance]),
        pooled_projections=torch.randn(1, TEXT_WIDTH, generator=draw),
        encoder_hidden_states=torch.randn(1, 8, T5_WIDTH, generator=draw),
        txt_ids=torch.zeros(8, 3),
        img_ids=torch.zeros(16, 3),
        return_dict=False,
    )[0]
    return output


def test_before_guidance_is_learnt_every_scale_paints_as_the_base_does() -> None:
    torch.manual_seed(0)
    base, guided = flux_transformer(guidance_embeds=True), flux_transformer(guidance_embeds=True)
    start_guided(guided, base)
    for scale in (1.0, 3.5, 7.0):
        torch.testing.assert_close(predicted(guided, scale), predicted(base, 1.0), atol=1e-5, rtol=1e-4)


def test_before_few_steps_are_learnt_the_pupil_paints_as_its_teacher_does_at_its_guidance() -> None:
    torch.manual_seed(0)
    guided, few = flux_transformer(guidance_embeds=True), flux_transformer(guidance_embeds=False)
    start_few_steps(few, guided)
    torch.testing.assert_close(predicted(few, None), predicted(guided, DEFAULT), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(predicted(few, None), predicted(guided, 1.0), atol=1e-4)
