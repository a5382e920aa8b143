"""From what settings name to a stock pipeline in memory: where weights are, and how they are made to fit."""

from deployments.engine.weights.fit import fit, prepare_vae
from deployments.engine.weights.shared import SharedParts
from deployments.engine.weights.source import Source, denoiser_of, read_network, read_pipeline

__all__ = ["SharedParts", "Source", "denoiser_of", "fit", "prepare_vae", "read_network", "read_pipeline"]
