"""Trains the three text encoders together: each has to tell from a prompt what the picture shows."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deployments.catalog import DEMO_T5_TOKENS
from deployments.demo.architectures import T5_WIDTH, TEXT_2_WIDTH, TEXT_WIDTH
from deployments.demo.pipelines import Shared
from deployments.demo.training.stage import SEED, Stage
from deployments.demo.world.caption import caption
from deployments.demo.world.draw import draw
from deployments.demo.world.labels import CLASSES, labels

_BATCH = 32
_CLIP_LENGTH = 77
_SHORT = 32
"""Tokens that most prompts fit into: three batches in four are cut to it, for speed."""
_T5_LENGTHS = (16, 24, 32, DEMO_T5_TOKENS)


class TextStage(Stage):
    """Classifies prompts by everything in :data:`CLASSES`, from the states that a denoiser will see.

    Of CLIP those are the state at the end of the prompt and one later token's by lot, and for SDXL also those before
    the last layer; of T5 two tokens' by lot. Only linear readers are allowed, so the states themselves must say it; the
    readers are thrown away.
    """

    name = "text"
    steps = 1600
    learning_rate = 1.5e-3
    muon = True
    samples = 1

    def __init__(self, shared: Shared, device: torch.device) -> None:
        self._shared = shared
        self._device = device
        self._sizes = [len(values) for values in CLASSES.values()]
        widths = {"clip": TEXT_WIDTH, "clip early": TEXT_WIDTH, "clip_2": TEXT_2_WIDTH, "clip_2 early": TEXT_2_WIDTH,
                  "pooled": TEXT_2_WIDTH, "t5": T5_WIDTH}  # fmt: skip
        torch.manual_seed(SEED)  # the same readers, whether what came before was trained or loaded
        self._readers = nn.ModuleDict({name: nn.Linear(width, sum(self._sizes)) for name, width in widths.items()})

    @property
    def modules(self) -> dict[str, nn.Module]:
        shared = self._shared
        return {"clip": shared.clip, "clip_2": shared.clip_2, "t5": shared.t5, "readers": self._readers}

    def loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([SEED, 3, step])
        prompts, truth = self._batch(rng, _BATCH)
        states = self._states(prompts, rng, longest=_CLIP_LENGTH if step % 4 == 0 else _SHORT)
        return torch.stack([self._error(seen, name, truth) for name, seen in states]).mean()

    def sample(self, path: Path) -> None:
        path.with_suffix(".json").write_text(json.dumps(self.accuracy(), indent=2) + "\n")

    @torch.no_grad()
    def accuracy(self, count: int = 500) -> dict[str, dict[str, float]]:
        """By reader and class: the share of ``count`` fresh prompts that are read rightly."""
        rng = np.random.default_rng([SEED, 4])
        prompts, truth = self._batch(rng, count)
        found: dict[str, dict[str, float]] = {}
        for name, states in self._states(prompts, rng, longest=_CLIP_LENGTH):
            parts = self._readers[name](states[:, 0]).split(self._sizes, dim=-1)
            found[name] = {
                kind: (part.argmax(-1) == truth[:, at]).float().mean().item()
                for at, (kind, part) in enumerate(zip(CLASSES, parts, strict=True))
            }
        return found

    def _batch(self, rng: np.random.Generator, count: int) -> tuple[list[str], Tensor]:
        """Prompts, and their classes (count, len(CLASSES))."""
        pictures = [draw(rng) for _ in range(count)]
        told = [labels(picture) for picture in pictures]
        truth = [[values.index(row[kind]) for kind, values in CLASSES.items()] for row in told]
        return [caption(picture, rng) for picture in pictures], torch.tensor(truth, device=self._device)

    def _states(self, prompts: list[str], rng: np.random.Generator, longest: int) -> list[tuple[str, Tensor]]:
        """By reader: states (B, 2, width), of the prompt's end and of one token by lot.

        Prompts are padded to ``longest`` tokens, for T5 to any of the lengths that FLUX will learn with.
        """
        shared, found = self._shared, []
        for name, encoder, tokenizer in (
            ("clip", shared.clip, shared.tokenizer),
            ("clip_2", shared.clip_2, shared.tokenizer_2),
        ):
            ids = _padded(tokenizer, prompts, longest).to(self._device)
            output = encoder(ids, output_hidden_states=True)
            last = getattr(output, "last_hidden_state")  # noqa: B009  (the two outputs share no type)
            end = (ids == tokenizer.eos_token_id).int().argmax(dim=1)  # the first end mark
            later = torch.from_numpy(rng.integers(end.cpu().numpy(), ids.shape[1])).to(self._device)
            rows = torch.arange(len(prompts), device=self._device)
            for reader, states in ((name, last), (f"{name} early", output.hidden_states[-2])):
                found.append((reader, torch.stack([states[rows, end], states[rows, later]], dim=1)))
            if name == "clip_2":
                found.append(("pooled", output.text_embeds[:, None]))
        length = int(rng.choice(_T5_LENGTHS)) if longest < _CLIP_LENGTH else DEMO_T5_TOKENS
        ids = _padded(shared.t5_tokenizer, prompts, length).to(self._device)
        states = shared.t5(ids).last_hidden_state
        places = torch.from_numpy(rng.integers(0, ids.shape[1], 2)).to(self._device)
        found.append(("t5", states[:, places]))
        return found

    def _error(self, states: Tensor, reader: str, truth: Tensor) -> Tensor:
        parts = self._readers[reader](states).split(self._sizes, dim=-1)
        count = states.shape[1]
        return torch.stack(
            [
                F.cross_entropy(part.flatten(0, 1), truth[:, at].repeat_interleave(count))
                for at, part in enumerate(parts)
            ]
        ).mean()


def _padded(tokenizer: object, prompts: list[str], length: int) -> Tensor:
    """Token ids (B, length), as the pipelines make them."""
    tokens = tokenizer(  # type: ignore[operator]
        prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: Tensor = tokens.input_ids
    return ids
