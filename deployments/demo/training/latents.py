"""The pictures that the denoisers learn from, painted and encoded once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from deployments.demo.training.autoencoder import to_tensor
from deployments.demo.training.stage import SEED
from deployments.demo.world.draw import draw
from deployments.demo.world.paint import paint
from deployments.demo.world.picture import Picture

SMALL = (64, 64)
SIZES: dict[tuple[int, int], int] = {SMALL: 8_000, (128, 128): 20_000, (192, 128): 3_000, (128, 192): 3_000}
"""How many pictures of each (width, height) there are."""
_LARGE = tuple(size for size in SIZES if size != SMALL)

_SHARD = 100


class LatentLibrary:
    """Latents of pictures by lot, kept in ``folder`` as float16, some 120 MB in all."""

    def __init__(self, autoencoder: AutoencoderKL, folder: Path, device: torch.device, share: float = 1.0) -> None:
        """Paint and encode what is not in ``folder`` yet; ``share`` of the pictures, for a trial."""
        folder.mkdir(parents=True, exist_ok=True)
        shards = [(size, at) for size, count in SIZES.items() for at in range(max(1, round(share * count / _SHARD)))]
        found: dict[tuple[int, int], list[Tensor]] = {size: [] for size in SIZES}
        for size, at in track(shards, "painting"):
            path = folder / f"{size[0]}x{size[1]}-{at:03d}.pt"
            if not path.exists():
                scratch = path.with_suffix(".tmp")
                torch.save(_encoded(autoencoder, size, at, device), scratch)
                scratch.replace(path)
            found[size].append(torch.load(path, weights_only=True))
        self._latents = {size: torch.cat(parts) for size, parts in found.items()}

    def batch(
        self, rng: np.random.Generator, count: int, *, small: bool = False
    ) -> tuple[Tensor, list[Picture], tuple[int, int]]:
        """Pictures of one size by lot: latents (N, C, h, w) float32, what they show, (width, height).

        N is ``count``, and twice that for ``small`` pictures, which still are half the work. The others come in the
        sizes and shares of :data:`SIZES`.
        """
        size = SMALL
        if small:
            count *= 2
        else:
            shares = np.array([SIZES[each] for each in _LARGE], float)
            size = _LARGE[int(rng.choice(len(_LARGE), p=shares / shares.sum()))]
        chosen = rng.integers(len(self._latents[size]), size=count)
        return self._latents[size][chosen].float(), [_picture(size, int(i))[0] for i in chosen], size

    def first(self, count: int) -> tuple[Tensor, Tensor]:
        """The first square pictures, at most ``count``: latents (N, C, 16, 16), and pixels (N, 3, 128, 128)."""
        size = (128, 128)
        count = min(count, len(self._latents[size]))
        pixels = [paint(*_picture(size, index), size) for index in range(count)]
        return self._latents[size][:count].float(), to_tensor(np.stack(pixels))


@torch.no_grad()
def normalise(autoencoder: AutoencoderKL, pixels: Tensor) -> None:
    """Give every latent channel mean 0 and a deviation of at most 1 over ``pixels``; decoded pictures stay the same.

    The widest channels, which carry colour, get a deviation of 1. The others carry detail, and keep half of their
    distance to that on a logarithmic scale: at 1 they would take most of a denoiser's attention, left alone its last
    steps would have to do all of them. The 1 × 1 convolutions on both sides of the latents take up the affine map, so
    ``scaling_factor`` is 1.
    """
    parts = [autoencoder.encode(part).latent_dist.mean for part in pixels.split(32)]
    latents = torch.cat(parts)
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    deviation = (deviation * deviation.max()).sqrt()
    before, after = autoencoder.quant_conv, autoencoder.post_quant_conv
    channels = len(mean)
    before.weight[:channels] /= deviation[:, None, None, None]
    before.bias[:channels] = (before.bias[:channels] - mean) / deviation
    before.bias[channels:] -= 2 * deviation.log()  # the logarithm of the variance
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= deviation[None, :, None, None]
    autoencoder.register_to_config(scaling_factor=1.0, shift_factor=0.0)


def fit_latent_rgb(latents: Tensor, pixels: Tensor) -> dict[str, Sequence[object]]:
    """The least-squares linear map from latents to RGB in [-1, 1], for previews.

    Args:
        latents: (N, C, h, w), as the denoiser sees them.
        pixels: (N, 3, H, W) in [-1, 1], the pictures they stand for.

    Returns:
        ``{"factors": [[r, g, b], …one row per latent channel], "bias": [r, g, b]}``.
    """
    colours = F.adaptive_avg_pool2d(pixels, (latents.shape[-2], latents.shape[-1])).permute(0, 2, 3, 1).reshape(-1, 3)
    inputs = latents.permute(0, 2, 3, 1).flatten(0, 2)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    solution = torch.linalg.lstsq(inputs, colours).solution  # (C + 1, 3)
    return {"factors": solution[:-1].tolist(), "bias": solution[-1].tolist()}


@torch.no_grad()
def _encoded(autoencoder: AutoencoderKL, size: tuple[int, int], shard: int, device: torch.device) -> Tensor:
    pictures = [paint(*_picture(size, index), size) for index in range(shard * _SHARD, (shard + 1) * _SHARD)]
    pixels = to_tensor(np.stack(pictures))
    latents = [autoencoder.encode(part.to(device)).latent_dist.mean.cpu() for part in pixels.split(25)]
    return torch.cat(latents).half()


def _picture(size: tuple[int, int], index: int) -> tuple[Picture, np.random.Generator]:
    """The picture of this number, and the generator that goes on to paint it."""
    rng = np.random.default_rng([SEED, 5, *size, index])
    return draw(rng), rng
