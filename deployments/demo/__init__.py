"""The demo weights: small models of the real architectures, in diffusers layout, that load like any others.

They make the whole service run anywhere, with nothing to download. :func:`demo_folder` says where a model's folder is.
How they were made is here as well: :mod:`world` draws and describes the pictures, :mod:`training` learns from them,
:mod:`check` reads whether a picture shows what was asked for.
"""

from deployments.demo.folder import demo_folder

__all__ = ["demo_folder"]
