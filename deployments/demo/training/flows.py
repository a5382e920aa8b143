"""Trains the FLUX pair: a straight flow from noise to picture, then guidance and few steps distilled into it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel
from torch import Tensor, nn

from deployments.catalog import DEMO_T5_TOKENS, DEMO_WEIGHTS, card_for
from deployments.demo.architectures import LATENT_CHANNELS
from deployments.demo.pipelines import Shared, assemble
from deployments.demo.training import prompts
from deployments.demo.training.latents import LatentLibrary
from deployments.demo.training.samples import contact_sheet
from deployments.demo.training.stage import SEED, Stage

_BATCH = 32
_SMALL_FIRST = 0.2
"""The share of the base's steps that see small pictures."""
_FEW = 16
_LENGTHS = (_FEW, _FEW, _FEW, DEMO_T5_TOKENS)
"""Tokens of text, by lot; with small pictures always few. Most captions need no more, and CLIP reads them whole."""
_LEAST_GUIDANCE, _MOST_GUIDANCE = 1.0, 7.0
_TEACHER_GUIDANCE = 2.5
"""What flux-schnell is taught to paint like: flux-dev at its default."""
_SCHNELL_STEPS = 4
_SUBSTEPS = 4
"""The teacher's steps for one of the pupil's."""


class FlowStage(Stage):
    """What the three trainings have in common: a FLUX transformer, told of pictures, at times between 0 and 1."""

    def __init__(
        self, model: str, shared: Shared, network: FluxTransformer2DModel, library: LatentLibrary, device: torch.device
    ) -> None:
        self._network = network
        self._library = library
        self._device = device
        self._card = card_for(model, DEMO_WEIGHTS)
        self._pipeline = assemble(model, shared, network)
        self._pipeline.set_progress_bar_config(disable=True)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"transformer": self._network}

    def sample(self, path: Path) -> None:
        contact_sheet(self._pipeline, self._card, path.with_suffix(".png"))

    def _text(self, texts: Sequence[str], length: int) -> tuple[Tensor, Tensor]:
        return prompts.flux_text(self._pipeline, texts, self._device, length)

    def _velocity(
        self,
        network: FluxTransformer2DModel,
        noisy: Tensor,
        times: Tensor,
        *,
        text: tuple[Tensor, Tensor],
        size: tuple[int, int],
        guidance: Tensor | None = None,
    ) -> Tensor:
        """The direction from picture to noise at ``times`` (B,), as ``network`` sees it: packed latents (B, T, 4C)."""
        hidden, pooled = text
        width, height = size
        places = FluxPipeline._prepare_latent_image_ids(1, height // 16, width // 16, self._device, torch.float32)
        with torch.autocast(self._device.type, torch.bfloat16):
            predicted: Tensor = network(
                hidden_states=noisy,
                timestep=times,
                guidance=guidance,
                pooled_projections=pooled,
                encoder_hidden_states=hidden,
                txt_ids=torch.zeros(hidden.shape[1], 3, device=self._device),
                img_ids=places,
                return_dict=False,
            )[0]
        return predicted.float()


class FlowBaseStage(FlowStage):
    """Rectified flow: the straight line's direction."""

    name = "flux-base"
    steps = 16000
    learning_rate = 1e-3
    muon = True

    def loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([SEED, 7, step])
        small = step < _SMALL_FIRST * self.steps
        latents, pictures, size = self._library.batch(rng, _BATCH, small=small)
        clean = pack(latents).to(self._device)
        noise = torch.randn_like(clean)
        times = _times(len(clean), self._device)
        mixed = clean + times[:, None, None] * (noise - clean)
        text = self._text(prompts.prompts(pictures, rng), _FEW if small else int(rng.choice(_LENGTHS)))
        guidance = torch.ones_like(times)
        return (
            (self._velocity(self._network, mixed, times, text=text, size=size, guidance=guidance) - (noise - clean))
            .square()
            .mean()
        )


class FlowPupilStage(FlowStage):
    """A network that learns from another, which stays as it is."""

    def __init__(
        self,
        model: str,
        shared: Shared,
        network: FluxTransformer2DModel,
        library: LatentLibrary,
        device: torch.device,
        *,
        teacher: FluxTransformer2DModel,
    ) -> None:
        super().__init__(model, shared, network, library, device)
        self._teacher = teacher.to(device)


class FlowGuidanceStage(FlowPupilStage):
    """flux-dev: the guided direction, which takes two forwards, learnt as one, with the scale as an input."""

    name = "flux-dev"
    steps = 1200
    learning_rate = 4e-4
    muon = True

    def loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([SEED, 8, step])
        latents, pictures, size = self._library.batch(rng, _BATCH)
        clean = pack(latents).to(self._device)
        times = _times(_BATCH, self._device)
        mixed = clean + times[:, None, None] * (torch.randn_like(clean) - clean)
        guidance = torch.empty_like(times).uniform_(_LEAST_GUIDANCE, _MOST_GUIDANCE)
        length = int(rng.choice(_LENGTHS))
        told, silent = self._text(prompts.prompts(pictures, rng, untold=0.0), length), self._text([""] * _BATCH, length)
        with torch.no_grad():
            plain = torch.ones_like(times)
            with_text = self._velocity(self._teacher, mixed, times, text=told, size=size, guidance=plain)
            without = self._velocity(self._teacher, mixed, times, text=silent, size=size, guidance=plain)
            wanted = without + guidance[:, None, None] * (with_text - without)
        return (
            (self._velocity(self._network, mixed, times, text=told, size=size, guidance=guidance) - wanted)
            .square()
            .mean()
        )


class FlowFewStepsStage(FlowPupilStage):
    """flux-schnell: each of four strides goes where the teacher arrives in four steps of its own.

    Strides start where the teacher has come to or, half of the time, where the pupil itself has: when it paints, its
    own errors are all it has to go on from.
    """

    name = "flux-schnell"
    steps = 1500
    learning_rate = 5e-4
    muon = True

    def loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([SEED, 9, step])
        count = _BATCH // _SCHNELL_STEPS
        latents, pictures, size = self._library.batch(rng, count)
        texts = prompts.prompts(pictures, rng, untold=0.02)
        text = self._text(texts, int(rng.choice(_LENGTHS)))
        at = torch.randn_like(pack(latents)).to(self._device)
        alone = rng.random() < 0.5
        starts, strides = [], []
        with torch.no_grad():
            for stride in range(_SCHNELL_STEPS):
                time = 1.0 - stride / _SCHNELL_STEPS
                arrived = self._taught(at, time, text, size)
                starts.append(at)
                strides.append((at - arrived) * _SCHNELL_STEPS)
                at = self._stride(at, time, text, size) if alone else arrived
        times = 1.0 - torch.arange(_SCHNELL_STEPS, device=self._device).repeat_interleave(count) / _SCHNELL_STEPS
        repeated = (text[0].repeat(_SCHNELL_STEPS, 1, 1), text[1].repeat(_SCHNELL_STEPS, 1))
        predicted = self._velocity(self._network, torch.cat(starts), times, text=repeated, size=size)
        return (predicted - torch.cat(strides)).square().mean()

    def _stride(self, at: Tensor, start: float, text: tuple[Tensor, Tensor], size: tuple[int, int]) -> Tensor:
        """Where the pupil is after one of its strides from ``at``."""
        times = torch.full((len(at),), start, device=self._device)
        return at - self._velocity(self._network, at, times, text=text, size=size) / _SCHNELL_STEPS

    def _taught(self, at: Tensor, start: float, text: tuple[Tensor, Tensor], size: tuple[int, int]) -> Tensor:
        """Where the teacher is after one of the pupil's strides from ``at``."""
        guidance = torch.full((len(at),), _TEACHER_GUIDANCE, device=self._device)
        length = 1.0 / _SCHNELL_STEPS / _SUBSTEPS
        for substep in range(_SUBSTEPS):
            times = torch.full((len(at),), start - substep * length, device=self._device)
            at = at - length * self._velocity(self._teacher, at, times, text=text, size=size, guidance=guidance)
        return at


@torch.no_grad()
def start_guided(guided: FluxTransformer2DModel, base: FluxTransformer2DModel) -> None:
    """Make ``guided`` paint as ``base`` does, whatever the guidance: the base has seen no scale but 1."""
    guided.load_state_dict(base.state_dict())
    scale = guided.time_text_embed.guidance_embedder.linear_2
    told = _guidance_embedding(base, 1.0)
    scale.weight.zero_()
    scale.bias.copy_(told)


@torch.no_grad()
def start_few_steps(few: FluxTransformer2DModel, guided: FluxTransformer2DModel) -> None:
    """Make ``few``, which has no guidance input, paint as ``guided`` does at the teacher's guidance."""
    state = {name: value for name, value in guided.state_dict().items() if ".guidance_embedder." not in name}
    few.load_state_dict(state)
    few.time_text_embed.timestep_embedder.linear_2.bias += _guidance_embedding(guided, _TEACHER_GUIDANCE)


def _guidance_embedding(network: FluxTransformer2DModel, guidance: float) -> Tensor:
    """What ``guidance`` adds to the embedding of time and text, (D,)."""
    embedder = network.time_text_embed
    weight = embedder.guidance_embedder.linear_1.weight
    scale = torch.full((1,), 1000 * guidance, device=weight.device)
    embedding: Tensor = embedder.guidance_embedder(embedder.time_proj(scale).to(weight.dtype))[0]
    return embedding


def _times(count: int, device: torch.device) -> Tensor:
    """Times to learn at, (count,): mostly in the middle, as SD3 and FLUX do, some anywhere, a few at pure noise.

    Sampling begins at pure noise, and what is where is settled there; the middle alone would hardly ever show it.
    """
    times = torch.sigmoid(torch.randn(count, device=device) + 0.2)
    lot = torch.rand(count, device=device)
    times = torch.where(lot < 0.17, torch.rand(count, device=device), times)
    return torch.where(lot < 0.03, torch.ones_like(times), times)


def pack(latents: Tensor) -> Tensor:
    """Latents (B, C, h, w) as FLUX's tokens (B, h/2 · w/2, 4C)."""
    count, channels, height, width = latents.shape
    assert channels == LATENT_CHANNELS
    packed: Tensor = FluxPipeline._pack_latents(latents, count, channels, height, width)
    return packed
