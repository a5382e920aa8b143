"""The library of LoRAs: read once, bounded in bytes, the least recently used first out."""

from pathlib import Path

import pytest
import torch

from deployments.engine.adapters import Lora, LoraLibrary, versions
from deployments.engine.adapters.lora import LowRank
from deployments.engine.errors import InvalidRequest
from deployments.engine.request import LoraRef

KILOBYTE = LowRank(torch.zeros(1, 128), torch.zeros(128, 1), 1.0)


class Shelf:
    """A folder of LoRAs of one kilobyte each, and how often each was read."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.reads: list[str] = []
        for name in names:
            (folder / f"{name}.safetensors").write_bytes(b"")

    def read(self, path: Path, version: tuple[int, int]) -> Lora:
        self.reads.append(path.stem)
        return Lora(path.stem, version, "", {"unet": {"layer": KILOBYTE}})


def refs(*names: str) -> list[LoraRef]:
    return [LoraRef(name=name) for name in names]


def test_a_lora_is_read_on_first_use_and_then_held(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "ink", "oil")
    library = LoraLibrary(tmp_path, shelf.read)
    assert library.names() == ["ink", "oil"]
    assert shelf.reads == []
    first, again = library.adapters(refs("ink")), library.adapters(refs("ink"))
    assert first == again
    assert versions(first) == versions(again)
    assert shelf.reads == ["ink"]


def test_the_least_recently_used_goes_when_the_bytes_are_used_up(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a", "b", "c")
    library = LoraLibrary(tmp_path, shelf.read, max_bytes=2 * 1024)
    for name in ("a", "b", "a", "c"):
        library.adapters(refs(name))
    assert library.nbytes == 2 * 1024
    library.adapters(refs("a"))
    assert shelf.reads == ["a", "b", "c"]
    library.adapters(refs("b"))
    assert shelf.reads == ["a", "b", "c", "b"]


def test_one_that_is_larger_than_the_bound_is_used_all_the_same(tmp_path: Path) -> None:
    library = LoraLibrary(tmp_path, Shelf(tmp_path, "a", "b").read, max_bytes=10)
    assert len(library.adapters(refs("a", "b"))) == 2
    assert library.nbytes == 1024


@pytest.mark.parametrize("name", ["absent", "../a", "a.safetensors", "/etc/passwd"])
def test_a_name_is_one_of_the_folders_and_never_a_path(tmp_path: Path, name: str) -> None:
    library = LoraLibrary(tmp_path, Shelf(tmp_path, "a").read)
    with pytest.raises(InvalidRequest, match="one of a"):
        library.adapters(refs(name))
