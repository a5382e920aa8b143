"""A corpus of hostile requests, against all of the service but Ray and engines: typed refusals, in bounded memory."""

import asyncio
import base64
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from PIL import Image

from tests.unit.serve_app.api.reach import serve
from tests.unit.serve_app.in_process import whole_service

MEGABYTES_AT_MOST = 250
"""What one hostile request may cost for its moment; the bombs would take ten times as much and more."""

PATHS = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "C:\\Windows\\system.ini",
    "....//....//etc/passwd",
    "a/../../b",
    ".",
    "..",
    "\x00",
    "name\x00.png",
    "${jndi:ldap://x}",
    "'; DROP TABLE jobs; --",
    "%s%s%n",
    "\u202egnp.exe",
    "x" * 5000,
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int) -> bytes:
    """A valid PNG of one colour in few bytes that decodes to ``width`` × ``height``."""
    packer = zlib.compressobj(9)
    row = b"\x00" + bytes((width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG whose compressed comment unpacks to 100 MB."""
    comment = b"Comment\x00\x00" + zlib.compress(bytes(100 * 2**20), 9)
    small = picture("PNG")
    return small[:33] + chunk(b"zTXt", comment) + small[33:]


def picture(format: str, size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(buffer, format)
    return buffer.getvalue()


UPLOADS = {
    "bomb of 20000²": lambda: png_bomb(20_000, 20_000),
    "bomb, wide": lambda: png_bomb(2_000_000, 200),
    "huge header, no data": lambda: png_bomb(1, 1)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + b"\x08\x02",
    "truncated png": lambda: picture("PNG", 256)[:-30],
    "truncated jpeg": lambda: picture("JPEG", 256)[:100],
    "bmp that lies": lambda: picture("BMP")[:18] + struct.pack("<ii", 100_000, 100_000) + picture("BMP")[26:],
    "tiff": lambda: picture("TIFF"),
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
    "html": lambda: b"<html><script>alert(1)</script></html>",
    "pickle": lambda: b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
    "zip": lambda: b"PK\x03\x04" + bytes(100),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "nothing": lambda: b"",
    "noise": lambda: bytes(range(256)) * 40,
}


@contextmanager
def bounded() -> Iterator[None]:
    """This process's memory grows by at most :data:`MEGABYTES_AT_MOST` meanwhile, at no moment by more."""
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
    assert (peak - before) / 2**20 < MEGABYTES_AT_MOST


def is_typed_refusal(answer: httpx2.Response) -> bool:
    told = answer.json()["error"]
    text = answer.text
    return 400 <= answer.status_code < 500 and bool(told["code"]) and "Traceback" not in text and len(text) < 4000


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_hostile_picture_is_refused_by_name_in_bounded_memory(tmp_path: Path, name: str) -> None:
    data = UPLOADS[name]()
    body = {"prompt": "x", "model": "sd15"}
    async with whole_service(tmp_path) as (_, backend), serve(backend) as client:
        with bounded():
            as_file = await client.post("/img2img", data=body, files={"image": ("../../x.png", data, "image/png")})
            as_text = await client.post("/img2img", json=body | {"image": base64.b64encode(data).decode()})
            as_mask = await client.post(
                "/inpaint", data=body, files={"image": ("a", picture("PNG")), "mask": ("b", data)}
            )
    for answer, field in ((as_file, "image"), (as_text, "image"), (as_mask, "mask")):
        assert is_typed_refusal(answer), answer.text
        assert answer.json()["error"]["field"] == field


async def test_a_comment_that_unpacks_to_a_hundred_megabytes_costs_no_memory(tmp_path: Path) -> None:
    async with whole_service(tmp_path) as (house, backend), serve(backend) as client:
        house.beat()
        with bounded():
            answer = await client.post(
                "/img2img", data={"prompt": "x", "model": "sd15"}, files={"image": ("a.png", text_bomb(), "image/png")}
            )
        assert answer.status_code in {200, 422}


async def told_of(client: httpx2.AsyncClient, path: str) -> list[httpx2.Response]:
    """The answers to ``path`` wherever a name can stand."""
    good: dict[str, Any] = {"prompt": "x", "model": "sd15"}
    named: list[dict[str, Any]] = [
        {"model": path},
        {"sampler": path},
        {"loras": [{"name": path}]},
        {"control_image": base64.b64encode(picture("PNG")).decode(), "controlnet": path},
        {"image": path},
        {"operation": path},
        {"priority": path},
        {"webhook": {"url": path}},
    ]
    answers = [await client.post("/v1/jobs", json=good | fields) for fields in named]
    quoted = httpx2.QueryParams({"cursor": path, "model": path})
    answers.append(await client.get("/v1/jobs", params=quoted))
    for route in ("/v1/jobs/{}", "/v1/jobs/{}/stream", "/v1/jobs/{}/images/0", "/v1/models/{}"):
        escaped = "".join(f"%{byte:02x}" for byte in path.encode())
        answers.append(await client.get(route.format(escaped)))
    return answers


async def test_a_hostile_name_reaches_no_file_and_no_statement(tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("nobody may read this")
    async with whole_service(tmp_path) as (_, backend), serve(backend) as client:
        for path in PATHS:
            for answer in await told_of(client, path):
                assert is_typed_refusal(answer), (path[:50], answer.request.url, answer.text)
                assert "nobody may read" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"prompt": "x", "metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"prompt": "x", "seed": ' + b"9" * 1_000_000 + b"}",
        b'{"prompt": "' + b"x" * 5_000_000 + b'"}',
        b'{"prompt": "x", ' + b",".join(b'"k%d": 1' % number for number in range(100_000)) + b"}",
        b"\xff\xfe\x00" * 1000,
    ],
    ids=["brackets", "deep list", "deep metadata", "long number", "long text", "many keys", "no utf-8"],
)
async def test_a_hostile_body_is_refused_in_bounded_memory(tmp_path: Path, body: bytes) -> None:
    async with whole_service(tmp_path) as (_, backend), serve(backend) as client:
        for route in ("/v1/jobs", "/txt2img", "/v1/images/generations"):
            with bounded():
                answer = await client.post(route, content=body, headers={"Content-Type": "application/json"})
            assert is_typed_refusal(answer), answer.text


async def test_many_bombs_at_once_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    data = {"prompt": "x", "model": "sd15"}
    bomb = png_bomb(20_000, 20_000)
    async with whole_service(tmp_path) as (_, backend), serve(backend) as client:
        with bounded():
            answers = await asyncio.gather(
                *(client.post("/img2img", data=data, files={"image": ("a.png", bomb)}) for _ in range(30))
            )
    assert all(is_typed_refusal(answer) for answer in answers)
