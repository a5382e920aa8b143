"""Trains the autoencoder that all demo models share."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from deployments.demo.training.stage import SEED, Stage
from deployments.demo.world.draw import draw
from deployments.demo.world.paint import paint

_CROP = 64
_CROPS, _WHOLE = 8, 4
"""Batch sizes. Three steps in five see crops, a quarter of the work each; the last see whole pictures."""
_KL_WEIGHT = 3e-4
"""How strongly latents are held to a normal distribution: enough for a smooth space, too little to blur."""


class AutoencoderStage(Stage):
    """Pixels to latents and back: absolute and squared error, edges towards the end, and a little divergence."""

    name = "autoencoder"
    steps = 7000
    learning_rate = 8e-4
    muon = True

    def __init__(self, autoencoder: AutoencoderKL, device: torch.device) -> None:
        self._autoencoder = autoencoder
        self._device = device
        start_as_mosaic(autoencoder)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"vae": self._autoencoder}

    def loss(self, step: int) -> Tensor:
        done = step / self.steps
        pixels = _crops(step) if done < 0.6 else paintings(_WHOLE, [SEED, 1, step])
        pixels = pixels.to(self._device)
        posterior = self._autoencoder.encode(pixels).latent_dist
        decoded = self._autoencoder.decode(posterior.sample()).sample
        divergence = 0.5 * (posterior.mean.square() + posterior.var - 1.0 - posterior.logvar).mean()
        error = F.l1_loss(decoded, pixels) + 2 * F.mse_loss(decoded, pixels)
        error = error + 0.5 * F.l1_loss(F.avg_pool2d(decoded, 8), F.avg_pool2d(pixels, 8))
        # an absolute error of differences prefers no edge to one in the wrong place: only once they are nearly right
        error = error + max(0.0, 2 * done - 1) * _edges(decoded, pixels)
        return error + _KL_WEIGHT * divergence

    def sample(self, path: Path) -> None:
        pixels = paintings(16, [SEED, 0]).to(self._device)
        decoded = self._autoencoder.decode(self._autoencoder.encode(pixels).latent_dist.mean).sample
        save_grid(torch.cat([pixels[:8], decoded[:8], pixels[8:], decoded[8:]]), path.with_suffix(".png"), columns=8)


def _edges(decoded: Tensor, pixels: Tensor) -> Tensor:
    """The mean absolute error of the differences between neighbouring pixels: what makes an edge sharp."""
    across = F.l1_loss(decoded[..., :, 1:] - decoded[..., :, :-1], pixels[..., :, 1:] - pixels[..., :, :-1])
    along = F.l1_loss(decoded[..., 1:, :] - decoded[..., :-1, :], pixels[..., 1:, :] - pixels[..., :-1, :])
    return across + along


def _crops(step: int) -> Tensor:
    """A square out of each of some pictures, (N, 3, 64, 64)."""
    pixels = paintings(_CROPS, [SEED, 1, step])
    top, left = np.random.default_rng([SEED, 2, step]).integers(0, 128 - _CROP + 1, 2)
    return pixels[..., top : top + _CROP, left : left + _CROP]


@torch.no_grad()
def start_as_mosaic(autoencoder: AutoencoderKL) -> None:
    """Set the weights so that an untrained autoencoder returns its picture in 8 × 8 tiles of even colour.

    Learning starts from colours that are right, and adds what is finer; from random weights it takes most of its time
    to find the colours, for normalisation hides them. Eight channels carry R, G, B, -R, -G, -B and two constants that
    dominate the normalisation's statistics; a pair of opposites passes SiLU unbent, as silu(x) - silu(-x) = x. All
    other channels start at random, and residual branches at zero.
    """
    for name, module in autoencoder.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if name.endswith("conv2"):
                nn.init.zeros_(module.weight)
    for network in (autoencoder.encoder, autoencoder.decoder):
        network.conv_in.weight[:8] = 0.0
        for colour in range(3):
            network.conv_in.weight[colour, colour, 1, 1] = 1.0
            network.conv_in.weight[colour + 3, colour, 1, 1] = -1.0
            network.conv_out.weight[colour] = 0.0
            network.conv_out.weight[colour, colour, 1, 1] = 1.0
            network.conv_out.weight[colour, colour + 3, 1, 1] = -1.0
        network.conv_in.bias[6], network.conv_in.bias[7] = 4.0, -4.0
        for name, module in network.named_modules():
            if name.endswith("conv_shortcut"):
                _pass_on(module, [(0, 0)])
            elif name.endswith("downsamplers.0.conv"):
                _pass_on(module, [(0, 0), (0, 1), (1, 0), (1, 1)])
            elif name.endswith("upsamplers.0.conv"):
                _pass_on(module, [(1, 1)])
    channels = autoencoder.config.latent_channels
    for conv in (autoencoder.quant_conv, autoencoder.post_quant_conv):
        conv.weight[:channels] = torch.eye(channels, conv.in_channels)[..., None, None]
    autoencoder.quant_conv.weight[channels:] *= 0.1
    autoencoder.quant_conv.bias[channels:] = -5.0  # little noise at first
    pixels = paintings(8, [SEED, 0])
    tiles = F.avg_pool2d(pixels, 8)
    # what normalisation took from the scale, the last convolutions give back
    found = autoencoder.encode(pixels).latent_dist.mean[:, :3]
    autoencoder.encoder.conv_out.weight[:3] *= (found * tiles).sum() / found.square().sum()
    decoded = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mean).sample
    tiled = F.interpolate(tiles, scale_factor=8)
    autoencoder.decoder.conv_out.weight[:3] *= (decoded * tiled).sum() / decoded.square().sum()


def _pass_on(convolution: nn.Conv2d, taps: list[tuple[int, int]]) -> None:
    """Make the first eight channels copies of themselves: the mean over ``taps`` of the kernel."""
    convolution.weight[:8] = 0.0
    for channel in range(8):
        for y, x in taps:
            convolution.weight[channel, channel, y, x] = 1.0 / len(taps)


def paintings(count: int, seed: list[int], size: tuple[int, int] = (128, 128)) -> Tensor:
    """``count`` pictures by lot, (count, 3, height, width) float32 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    return to_tensor(np.stack([paint(draw(rng), rng, size) for _ in range(count)]))


def to_tensor(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 (N, height, width, 3) as float32 (N, 3, height, width) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def save_grid(pixels: Tensor, path: Path, columns: int) -> None:
    """Write (N, 3, height, width) in [-1, 1] as one PNG, ``columns`` wide."""
    values = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    rows = [np.concatenate(values[at : at + columns], axis=1) for at in range(0, len(values), columns)]
    Image.fromarray(np.concatenate(rows, axis=0)).save(path)
