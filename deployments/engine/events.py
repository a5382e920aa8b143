"""What an engine tells while it works: frozen dataclasses that each carry the request's id.

One request's events come in this order; exactly one of the last three ends it::

    Started  (Progress | Preview | Checkpoint | ImageReady)*  (Completed | Cancelled | Failed)

A request that ends while it waits in the inbox has no ``Started``.

``index`` is the image's place in a request for ``n`` images, from 0.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Started:
    """The request has left the inbox: its prompt is being encoded, and it joins the batch at the next step."""

    id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` of ``total`` steps are done, counted as the stock pipeline's progress bar counts them (1 … total)."""

    id: str
    step: int
    total: int
    index: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A small RGB picture made from the latents after ``step``."""

    id: str
    image: "Image"
    step: int
    index: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An image as it was after ``step``: with these bytes any engine of this model goes on from there.

    Told only where it was asked for, and never after an image's last step.
    """

    id: str
    data: bytes = field(repr=False)
    step: int
    index: int


@dataclass(frozen=True, slots=True)
class ImageReady:
    """One finished image, and the seed that makes it again."""

    id: str
    image: "Image"
    seed: int
    index: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds a request spent in each stage, on the engine's own clock.

    ``queued``: from submit until its prompt was taken up; ``encode``: prompt to conditioning (near 0 when cached);
    ``denoise``: from joining the batch to the last image's last step, waiting for its turns included; ``decode``: from
    there to the last decoded image; ``total``: from submit to the end.
    """

    queued: float
    encode: float
    denoise: float
    decode: float
    total: float


@dataclass(frozen=True, slots=True)
class Completed:
    """All images are out."""

    id: str
    timings: Timings


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The request was cancelled; no further forward includes it."""

    id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The request failed: ``code`` is one of :mod:`deployments.engine.errors`, ``message`` may be shown to a client."""

    id: str
    code: str
    message: str


Event = Started | Progress | Preview | Checkpoint | ImageReady | Completed | Cancelled | Failed
TERMINAL = (Completed, Cancelled, Failed)


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What ``generate`` returns: ``images[i]`` is a PIL RGB image, ``seeds[i]`` the seed that makes it again."""

    id: str
    images: "tuple[Image, ...]"
    seeds: tuple[int, ...]
    timings: Timings
