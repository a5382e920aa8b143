"""Parts that several models of one process have in common, found by what is in their files and loaded once."""

import hashlib
import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import ref

from torch import nn

from deployments.engine.weights.source import component_classes

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SharedParts:
    """Networks in memory by the content of their files. Holds none of them: a part goes with its last model.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._lock = Lock()

    def find(self, folder: Path, names: Iterable[str], how: Hashable) -> dict[str, nn.Module]:
        """Those of the pipeline's components ``names`` in ``folder`` that are in memory, loaded ``how`` it is wanted.

        Files are read only where one of the same size is known.
        """
        found = {}
        with self._lock:
            self._known = [known for known in self._known if known.network() is not None]
            for name, content in _contents(folder, names).items():
                same = (known for known in self._known if known.how == how and known.content.equals(content))
                if (network := next((known.network() for known in same), None)) is not None:
                    found[name] = network
        return found

    def remember(self, folder: Path, pipeline: Any, names: Iterable[str], how: Hashable) -> None:
        """Let later models find these components of ``pipeline``, which was loaded from ``folder``."""
        with self._lock:
            for name, content in _contents(folder, names).items():
                self._known.append(_Known(content, how, ref(getattr(pipeline, name))))


class _Content:
    """What a component is made of: class, configuration, and weights, which are read only when they have to be."""

    def __init__(self, kind: tuple[str, str], folder: Path) -> None:
        self._kind = kind
        config = json.loads((folder / "config.json").read_text())
        self._config = {key: value for key, value in config.items() if not key.startswith("_")}  # where it came from
        self._files = sorted(folder.glob("*.safetensors"))
        self._sizes = [path.stat().st_size for path in self._files]

    def equals(self, other: "_Content") -> bool:
        """Whether both are the same network, bit for bit."""
        mine, theirs = (self._kind, self._config, self._sizes), (other._kind, other._config, other._sizes)
        return bool(self._files) and mine == theirs and self._digests == other._digests

    @cached_property
    def _digests(self) -> list[str]:
        return [_digest(path.resolve()) for path in self._files]


@dataclass(frozen=True, slots=True)
class _Known:
    content: _Content
    how: Hashable
    network: "ref[nn.Module]"


def _contents(folder: Path, names: Iterable[str]) -> dict[str, _Content]:
    classes = component_classes(folder)
    return {
        name: _Content(classes[name], folder / name)
        for name in names
        if name in classes and (folder / name / "config.json").is_file()
    }


def _digest(path: Path) -> str:
    """SHA-256 of a file; the hub's cache has it as the file's name."""
    if _SHA256.fullmatch(path.name):
        return path.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
