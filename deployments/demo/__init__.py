"""The demo weights: small models of the real architectures, in diffusers layout, that load like any others.

They make the whole service run anywhere, with nothing to download. :func:`demo_folder` is the only door: it answers
where a model's folder is, and today builds it on first use. Weights shipped as files would replace what is behind it.
"""

from deployments.demo.folder import demo_folder

__all__ = ["demo_folder"]
