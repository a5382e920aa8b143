"""A cheap look at the picture to come: a linear map from latents to RGB."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

MAP_FILE = "latent_rgb.json"
"""A weights folder may bring its VAE's own map: ``{"factors": [[r, g, b], …per channel], "bias": [r, g, b]}``."""

# The maps of the real VAEs: least-squares fits published with ComfyUI (comfy/latent_formats.py).
# One row per latent channel: R, G, B in [-1, 1] for latents as the denoiser sees them.
_KNOWN: dict[str, tuple[Sequence[Sequence[float]], Sequence[float]]] = {
    "sd15": (
        (
            (0.3512, 0.2297, 0.3227),
            (0.3250, 0.4974, 0.2350),
            (-0.2829, 0.1762, 0.2721),
            (-0.2120, -0.2616, -0.7177),
        ),
        (0.0, 0.0, 0.0),
    ),
    "sdxl": (
        (
            (0.3651, 0.4232, 0.4341),
            (-0.2533, -0.0042, 0.1068),
            (0.1076, 0.1111, -0.0362),
            (-0.3165, -0.2492, -0.2188),
        ),
        (0.1084, -0.0175, -0.0011),
    ),
    "sd3": (
        (
            (-0.0922, -0.0175, 0.0749),
            (0.0311, 0.0633, 0.0954),
            (0.1994, 0.0927, 0.0458),
            (0.0856, 0.0339, 0.0902),
            (0.0587, 0.0272, -0.0496),
            (-0.0006, 0.1104, 0.0309),
            (0.0978, 0.0306, 0.0427),
            (-0.0042, 0.1038, 0.1358),
            (-0.0194, 0.0020, 0.0669),
            (-0.0488, 0.0130, -0.0268),
            (0.0922, 0.0988, 0.0951),
            (-0.0278, 0.0524, -0.0542),
            (0.0332, 0.0456, 0.0895),
            (-0.0069, -0.0030, -0.0810),
            (-0.0596, -0.0465, -0.0293),
            (-0.1448, -0.1463, -0.1189),
        ),
        (0.2394, 0.2135, 0.1925),
    ),
    "flux": (
        (
            (-0.0346, 0.0244, 0.0681),
            (0.0034, 0.0210, 0.0687),
            (0.0275, -0.0668, -0.0433),
            (-0.0174, 0.0160, 0.0617),
            (0.0859, 0.0721, 0.0329),
            (0.0004, 0.0383, 0.0115),
            (0.0405, 0.0861, 0.0915),
            (-0.0236, -0.0185, -0.0259),
            (-0.0245, 0.0250, 0.1180),
            (0.1008, 0.0755, -0.0421),
            (-0.0515, 0.0201, 0.0011),
            (0.0428, -0.0012, -0.0036),
            (0.0817, 0.0765, 0.0749),
            (-0.1264, -0.0522, -0.1103),
            (-0.0280, -0.0881, -0.0499),
            (-0.1262, -0.0982, -0.0778),
        ),
        (-0.0329, -0.0718, -0.0851),
    ),
}


class LatentRGB:
    """The map of one VAE.

    Args:
        factors: (C, 3), colour per latent channel.
        bias: (3,), the colour of zero latents.
    """

    def __init__(self, factors: Sequence[Sequence[float]], bias: Sequence[float]) -> None:
        self._factors = torch.tensor(factors)
        self._bias = torch.tensor(bias)

    @classmethod
    def load(cls, folder: Path | None, known: str) -> "LatentRGB":
        """The map in ``folder``, or the published one of the ``known`` VAE (sd15, sdxl, flux)."""
        if folder is not None and (folder / MAP_FILE).is_file():
            stored = json.loads((folder / MAP_FILE).read_text())
            return cls(stored["factors"], stored["bias"])
        return cls(*_KNOWN[known])

    def to(self, device: torch.device) -> "LatentRGB":
        """The same map on ``device``, so that a preview needs no copy of the latents to the host."""
        self._factors, self._bias = self._factors.to(device), self._bias.to(device)
        return self

    def __call__(self, latents: Tensor) -> Tensor:
        """Latents (1, C, h, w), any float dtype, to pixels (h, w, 3) uint8, on the latents' device."""
        rgb = latents[0].float().permute(1, 2, 0) @ self._factors + self._bias
        return ((rgb + 1) * 127.5).clamp(0, 255).to(torch.uint8)


def picture(pixels: Tensor, width: int, height: int, longest: int = 256) -> Image.Image:
    """The preview to show: ``pixels`` (h, w, 3) enlarged to the shape of the final image.

    ``width`` and ``height`` are the final image's; the preview's longer side is at most ``longest`` pixels. Waits for
    the device, so call it off the denoise thread.
    """
    scale = min(1.0, longest / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(pixels.cpu().numpy()).resize(size, Image.Resampling.BICUBIC)
