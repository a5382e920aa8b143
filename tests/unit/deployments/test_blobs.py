from pathlib import Path

import pytest
from obstore.store import MemoryStore

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone


@pytest.fixture(params=["folder", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    match request.param:
        case "folder":
            return BlobStore.open(f"file://{tmp_path}/images")
        case "s3":
            return BlobStore.open(request.getfixturevalue("s3"))
        case _:
            return BlobStore(MemoryStore())


async def test_what_was_put_is_got(blobs: BlobStore) -> None:
    await blobs.put("job/1/0", b"\x89PNG", "image/png")
    assert await blobs.get("job/1/0") == b"\x89PNG"


async def test_a_second_put_replaces_the_first(blobs: BlobStore) -> None:
    await blobs.put("job/1/0", b"one", "image/png")
    await blobs.put("job/1/0", b"two", "image/png")
    assert await blobs.get("job/1/0") == b"two"


async def test_what_is_not_there_is_gone(blobs: BlobStore) -> None:
    with pytest.raises(Gone):
        await blobs.get("job/1/0")


async def test_delete_removes_the_named_ones_and_passes_over_those_that_are_gone(blobs: BlobStore) -> None:
    for key in ("job/1/0", "job/1/1"):
        await blobs.put(key, b"x", "image/png")
    await blobs.delete(["job/9/9", "job/1/0"])
    with pytest.raises(Gone):
        await blobs.get("job/1/0")
    assert await blobs.get("job/1/1") == b"x"


async def test_delete_prefix_removes_a_whole_folder_and_no_neighbour_with_a_longer_name(blobs: BlobStore) -> None:
    for key in ("a/1/0", "a/2/0", "ab/1/0"):
        await blobs.put(key, b"x", "image/png")
    await blobs.delete_prefix("a/")
    for key in ("a/1/0", "a/2/0"):
        with pytest.raises(Gone):
            await blobs.get(key)
    assert await blobs.get("ab/1/0") == b"x"
    await blobs.delete_prefix("a/")


@pytest.mark.parametrize("prefix", ["", "/", "//"])
async def test_the_whole_store_is_no_prefix(blobs: BlobStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="every blob"):
        await blobs.delete_prefix(prefix)


@pytest.mark.parametrize("key", ["../secret", "job/../../secret", "."])
async def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_text("secret")
    blobs = BlobStore.open(f"file://{tmp_path}/images")
    with pytest.raises(ValueError, match="path"):
        await blobs.get(key)
    with pytest.raises(ValueError, match="path"):
        await blobs.put(key, b"x", "image/png")


async def test_a_folder_is_made_whatever_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "100% #1"
    await BlobStore.open(f"file://{folder}").put("job/1/0", b"x", "image/png")
    assert (folder / "job/1/0").read_bytes() == b"x"


async def test_deleting_the_last_image_leaves_no_empty_folder(tmp_path: Path) -> None:
    blobs = BlobStore.open(f"file://{tmp_path}/images")
    await blobs.put("job/1/0", b"x", "image/png")
    await blobs.delete_prefix("job")
    assert not (tmp_path / "images/job").exists()


def test_a_scheme_that_no_store_has_is_refused() -> None:
    with pytest.raises(Exception, match="URL"):
        BlobStore.open("carrier-pigeon://somewhere")
