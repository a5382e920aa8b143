"""Checkpoints: one image between two steps, as bytes from which an engine goes on to the same picture.

Saved is what steps change: the latents, and the sampler with its history and its noise. All else (conditioning, the
source's latents, the first noise) the request's own fields make again. The bytes are a safetensors file::

    tensors     "0", "1", …
    metadata    state        JSON: the values, with tensors by name
                fingerprint  of the image and all that its bits depend on (:mod:`deployments.engine.fingerprint`)
                digest       SHA-256 of the file with zeros in this place
"""

import json
import re
from hashlib import sha256
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from deployments.engine.families.base import DenoiseState
from deployments.engine.samplers import SamplerState, Value

_NO_DIGEST = "0" * 64
_DIGEST = re.compile(rb'"digest":"([0-9a-f]{64})"')  # a quote inside of another entry would be escaped


class UnfitCheckpoint(Exception):
    """These bytes are no checkpoint of this image: they are damaged, or of another request, model or version."""


class Snapshot:
    """What further steps would change of an image, copied to the host.

    Made on the denoise thread between two forwards, where it only starts the copies; :meth:`data` is for another one.

    Args:
        state: after its newest step.
        fingerprint: the image's.

    Raises:
        UnsavableState: its sampler can't be saved.
    """

    def __init__(self, state: DenoiseState, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._tensors: dict[str, Tensor] = {}
        sampler = state.sampler.state()
        self._state = {
            "latents": self._packed(state.latents),
            "forwards_taken": sampler.forwards_taken,
            "steps_done": sampler.steps_done,
            "scheduler": {name: self._packed(value) for name, value in sampler.scheduler.items()},
            "generator": self._packed(sampler.generator),
        }
        self._copied: torch.cuda.Event | None = None
        if state.latents.is_cuda:
            self._copied = torch.cuda.Event()
            self._copied.record(torch.cuda.current_stream(state.latents.device))

    def _packed(self, value: Value) -> Any:
        """``value`` for JSON; its tensors are copied, into pinned memory without waiting if they are on a GPU."""
        if isinstance(value, list):
            return [self._packed(one) for one in value]
        if isinstance(value, tuple):
            return {"tuple": [self._packed(one) for one in value]}
        if not isinstance(value, Tensor):
            return value
        name = str(len(self._tensors))
        copied = self._tensors[name] = value.detach().to("cpu", copy=True, non_blocking=value.is_cuda)
        return {"tensor": name, "strides": copied.stride(), "host": value.device.type == "cpu"}

    def data(self) -> bytes:
        """The checkpoint; waits for the copies."""
        if self._copied is not None:
            self._copied.synchronize()
        metadata = {"state": json.dumps(self._state), "fingerprint": self._fingerprint, "digest": _NO_DIGEST}
        blank = save({name: tensor.contiguous() for name, tensor in self._tensors.items()}, metadata)
        return blank.replace(_NO_DIGEST.encode(), sha256(blank).hexdigest().encode(), 1)


def resume(state: DenoiseState, data: bytes, fingerprint: str) -> None:
    """Take ``state``, which has just begun, to where it was when ``data`` was saved.

    Args:
        fingerprint: the image's.

    Raises:
        UnfitCheckpoint: ``state`` is as it was.
    """
    _check(data)
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata: dict[str, str] = header["__metadata__"]
        if metadata["fingerprint"] != fingerprint:
            raise UnfitCheckpoint("it is of another image, model or version")
        saved, tensors, device = json.loads(metadata["state"]), load(data), state.latents.device
        latents = _unpacked(saved["latents"], tensors, device)
        sampler = SamplerState(
            saved["forwards_taken"],
            saved["steps_done"],
            {name: _unpacked(value, tensors, device) for name, value in saved["scheduler"].items()},
            _unpacked(saved["generator"], tensors, device),
        )
        if (latents.shape, latents.dtype) != (state.latents.shape, state.latents.dtype):
            raise ValueError(f"its latents are {tuple(latents.shape)} {latents.dtype}")
        state.sampler.restore(sampler)
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise UnfitCheckpoint(f"it does not hold what it should: {error}") from error
    state.latents = latents


def _check(data: bytes) -> None:
    """Raise UnfitCheckpoint unless every byte is as it was written."""
    found = _DIGEST.search(data)
    if found is None:
        raise UnfitCheckpoint("it is no checkpoint, or not a whole one")
    blank = data[: found.start(1)] + _NO_DIGEST.encode() + data[found.end(1) :]
    if sha256(blank).hexdigest().encode() != found[1]:
        raise UnfitCheckpoint("it is damaged")


def _unpacked(value: Any, tensors: dict[str, Tensor], device: torch.device) -> Any:
    if isinstance(value, list):
        return [_unpacked(one, tensors, device) for one in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_unpacked(one, tensors, device) for one in value["tuple"])
    read = tensors[value["tensor"]]
    # laid out as it was, by which kernels choose their order of sums, in memory that begins where torch lets it begin
    laid_out = torch.empty_strided(read.shape, value["strides"], dtype=read.dtype).copy_(read)
    return laid_out if value["host"] else laid_out.to(device)
