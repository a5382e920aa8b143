"""A cache of encoded prompts, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What the text encoders made of one prompt (or one pair of prompt and negative prompt), a batch of one.

    Attributes:
        hidden: (1, T, D) token states, in the model's dtype, on its device.
        pooled: (1, P) sentence state, for models that take one.
        negative_hidden, negative_pooled: the same for the negative prompt, with classifier-free guidance only.
    """

    hidden: Tensor
    pooled: Tensor | None = None
    negative_hidden: Tensor | None = None
    negative_pooled: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        tensors = (self.hidden, self.pooled, self.negative_hidden, self.negative_pooled)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


class ConditioningCache:
    """Least recently used first out, once the tensors held exceed ``max_bytes``. Thread-safe."""

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, Conditioning] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable, encode: Callable[[], Conditioning]) -> Conditioning:
        """The conditioning for ``key``, from the cache or from ``encode``, whose errors pass through."""
        with self._lock:
            if (found := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
                return found
        made = encode()
        with self._lock:
            if key not in self._entries:
                self._entries[key] = made
                self._bytes += made.nbytes
                while self._bytes > self._max_bytes:
                    _, oldest = self._entries.popitem(last=False)
                    self._bytes -= oldest.nbytes
        return made

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)
