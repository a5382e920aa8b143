"""Where weights are: on this disk, or on the hub, from where they are fetched."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import diffusers
from huggingface_hub import snapshot_download

from deployments.catalog import CHECKPOINT, ModelCard, is_file, refuse_pickles
from deployments.engine.weights.checkpoint import held_parts, refuse_other_guidance, tensor_names
from deployments.engine.weights.layout import NETWORKS, own_parts

_SMALL = ("*.json", "*.txt", "*.model")
_VARIANTS = ("*.fp16*", "*.bf16*", "*.fp32*", "*.non_ema*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model's weights come from.

    Attributes:
        folder: in diffusers layout; all there is, or, beside a file, what the file does not hold.
        networks: the parts that are read from ``folder``.
        file: a single checkpoint or GGUF, with the other parts.
    """

    folder: Path
    networks: tuple[str, ...]
    file: Path | None = None

    @classmethod
    def find(cls, card: ModelCard, weights: str, base: str) -> "Origin":
        """Where ``weights`` are, fetched from the hub if they are not on this disk.

        Raises:
            ValueError: a pickle, a file that can't be read or is of another model, a folder of another model.
            OSError: the weights can't be found or fetched.
        """
        for field, given in (("weights", weights), ("base", base)):
            refuse_pickles(field, given)
        parts = NETWORKS[card.pipeline]
        if not is_file(weights):
            folder = fetched("weights", weights)
            return cls(folder, tuple(part for part in parts if part in own_parts("weights", folder, card)))
        file = Path(weights).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"weights: there is no file {weights}")
        names = tensor_names(file, card)
        held = held_parts(file, names, card)
        folder = fetched("base", base, tuple(f"{part}/*{CHECKPOINT}" for part in parts if part not in held))
        own = own_parts("base", folder, card)
        refuse_other_guidance(file, names, folder, card)
        return cls(folder, tuple(part for part in parts if part in own and part not in held), file)


def fetched(field: str, weights: str, only: Collection[str] | None = None) -> Path:
    """The folder on this disk. A hub repository is fetched, of its weights the files that match ``only``, if given."""
    if Path(weights).expanduser().is_dir():
        return Path(weights).expanduser()
    if weights.startswith((".", "/", "~")):
        raise FileNotFoundError(f"{field}: there is no folder {weights}")
    try:
        if only is None:
            return Path(diffusers.DiffusionPipeline.download(weights, use_safetensors=True))
        return Path(snapshot_download(weights, allow_patterns=[*_SMALL, *only], ignore_patterns=[*_VARIANTS]))
    except (OSError, ValueError) as error:  # the hub's own errors are of these
        raise OSError(
            f"{field}: the repository {weights} can't be fetched, and is not on this disk: {error}. "
            f"Name a local folder as `{field}`"
        ) from error
