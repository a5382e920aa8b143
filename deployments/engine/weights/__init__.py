"""From what settings name to a stock pipeline in memory: where weights are, and how they are made to fit."""

from deployments.engine.weights.fit import fit, prepare_vae
from deployments.engine.weights.identity import identity
from deployments.engine.weights.layout import denoiser_of
from deployments.engine.weights.origin import Origin
from deployments.engine.weights.reading import read_controlnet, read_pipeline
from deployments.engine.weights.shared import SharedParts, part_files

__all__ = [
    "Origin",
    "SharedParts",
    "denoiser_of",
    "fit",
    "identity",
    "part_files",
    "prepare_vae",
    "read_controlnet",
    "read_pipeline",
]
