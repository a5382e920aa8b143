"""The LoRAs of a folder by name, read on first use, least recently used first out."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from threading import Lock

from deployments.engine.adapters.lora import Lora
from deployments.engine.errors import InvalidRequest
from deployments.engine.request import LoraRef

Adapters = tuple[tuple[Lora, float], ...]
"""What is laid over a request's rows: LoRAs in the request's order, each with its strength."""

SUFFIX = ".safetensors"


def versions(adapters: Adapters) -> Hashable:
    """What a result that these LoRAs changed depends on; holds none of them in memory."""
    return tuple((lora.name, lora.version, strength) for lora, strength in adapters)


class LoraLibrary:
    """Holds at most ``max_bytes`` of LoRAs; one that requests still use lives on until they end. Thread-safe.

    A file that changes is read anew, also while the service runs. Names are those of files directly in the folder.

    Args:
        folder: with ``{name}.safetensors``; ``None`` for none.
        read: reads a file, with its version.
    """

    def __init__(
        self,
        folder: Path | None,
        read: Callable[[Path, tuple[int, int]], Lora],
        max_bytes: int = 2 * 2**30,
    ) -> None:
        self._folder = folder
        self._read = read
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, Lora] = OrderedDict()
        self._lock = Lock()

    def names(self) -> list[str]:
        """What can be asked for."""
        if self._folder is None:
            return []
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))

    def adapters(self, refs: Sequence[LoraRef]) -> Adapters:
        """The LoRAs that a request names; reads those that are not held.

        Raises:
            InvalidRequest: there is no such LoRA, it comes twice, or its file is none for this model.
        """
        names = [ref.name for ref in refs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidRequest("loras", twice, "each LoRA once")
        return tuple((self._get(ref.name), ref.scale) for ref in refs)

    def held(self) -> tuple[str, ...]:
        """The names of those in memory."""
        with self._lock:
            return tuple(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(lora.nbytes for lora in self._held.values())

    def _get(self, name: str) -> Lora:
        if name not in (known := self.names()):  # a name, never a path
            raise InvalidRequest("loras", name, f"one of {', '.join(known)}" if known else "none: there are no LoRAs")
        assert self._folder is not None
        path = self._folder / f"{name}{SUFFIX}"
        try:
            stat = path.stat()
            version = (stat.st_mtime_ns, stat.st_size)
            with self._lock:
                held = self._held.get(name)
                if held is not None and held.version == version:
                    self._held.move_to_end(name)
                    return held
            read = self._read(path, version)
        except (ValueError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InvalidRequest("loras", name, f"a LoRA of this model ({why})") from error
        with self._lock:
            self._held[name] = read
            self._held.move_to_end(name)
            while self.nbytes > self._max_bytes and len(self._held) > 1:
                self._held.popitem(last=False)
        return read
