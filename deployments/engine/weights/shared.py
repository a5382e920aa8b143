"""Parts that several models of one process have in common, found by what is in their files and loaded once."""

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import ref

from torch import nn

from deployments.engine.weights.layout import component_classes

_SHA256 = re.compile(r"[0-9a-f]{64}")


class PartFiles:
    """The files of one component as they are now: class, configuration, and weights, which are read when they have
    to be."""

    def __init__(self, kind: tuple[str, str], folder: Path) -> None:
        self._kind = kind
        config = json.loads((folder / "config.json").read_text())
        self._config = {key: value for key, value in config.items() if not key.startswith("_")}  # where it came from
        self._files = sorted(folder.glob("*.safetensors"))
        self._stamps = self._now()

    def _now(self) -> list[tuple[int, int, int]]:
        stats = [path.stat() for path in self._files if path.exists()]
        return [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats]

    def equals(self, other: "PartFiles") -> bool:
        """Whether both are the same network, bit for bit; not for files that have changed since."""
        sizes, others = ([stamp[0] for stamp in one._stamps] for one in (self, other))
        if not self._files or (self._kind, self._config, sizes) != (other._kind, other._config, others):
            return False
        unchanged = self._now() == self._stamps and other._now() == other._stamps
        return unchanged and self._digests == other._digests

    @cached_property
    def _digests(self) -> list[str]:
        return [_digest(path.resolve()) for path in self._files]


def part_files(folder: Path, names: Iterable[str]) -> dict[str, PartFiles]:
    """The files of those components ``names`` of the pipeline in ``folder``: to be taken before they are read."""
    classes = component_classes(folder)
    return {name: PartFiles(classes[name], folder / name) for name in names if (folder / name / "config.json").exists()}


@dataclass(frozen=True, slots=True)
class _Known:
    files: PartFiles
    how: Hashable
    network: "ref[nn.Module]"


class SharedParts:
    """Networks in memory by the content of their files. Holds none of them: a part goes with its last model.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._lock = Lock()

    def find(self, files: Mapping[str, PartFiles], how: Hashable) -> dict[str, nn.Module]:
        """Those components that are in memory, loaded ``how`` they are wanted.

        Files are read only where one of the same size is known.
        """
        found = {}
        with self._lock:
            self._known = [known for known in self._known if known.network() is not None]
            for name, own in files.items():
                same = (known for known in self._known if known.how == how and known.files.equals(own))
                if (network := next((known.network() for known in same), None)) is not None:
                    found[name] = network
        return found

    def remember(self, files: Mapping[str, PartFiles], pipeline: Any, how: Hashable) -> None:
        """Let later models find these components of ``pipeline``, which were read from ``files``."""
        with self._lock:
            self._known += [_Known(own, how, ref(getattr(pipeline, name))) for name, own in files.items()]


def _digest(path: Path) -> str:
    """SHA-256 of a file; the hub's cache has it as the file's name."""
    if _SHA256.fullmatch(path.name):
        return path.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
