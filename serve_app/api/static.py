"""The files of a folder, read once and served: that needs no disk, and can be nothing else."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serve_app.api.caching import matches

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
"""Spelled out: what Python guesses depends on the machine, and browsers run no script of another type."""

ENCODINGS: Final[Mapping[str, str]] = {"br": ".br", "gzip": ".gz"}
"""What a file may also be there as, beside it, with this suffix; the best one first."""

WORTH_IT: Final = 1024
"""Bytes from which on a text is compressed."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its bytes, and the same compressed, by content encoding."""

    media_type: str
    content: bytes
    compressed: Mapping[str, bytes]
    digest: str

    def encoded(self, accept_encoding: str) -> tuple[bytes, str | None]:
        """The bytes for a client that accepts this, and how they are encoded; ``None``: as they are."""
        accepted = {name for name, quality in map(_parse, accept_encoding.split(",")) if quality > 0}
        for encoding, content in self.compressed.items():
            if encoding in accepted:
                return content, encoding
        return self.content, None

    def etag(self, encoding: str | None) -> str:
        """Of the bytes that :meth:`encoded` answered."""
        return f'"{self.digest}-{encoding}"' if encoding else f'"{self.digest}"'


def read_folder(folder: Path) -> dict[str, StaticFile]:
    """Every file below ``folder`` by its path in it, with ``/``; none if there is no such folder.

    Hidden ones are left out. What has no ``.gz`` beside it and gets smaller by it is compressed here, once.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    beside = {name + suffix for name in names for suffix in ENCODINGS.values()}
    return {
        name: _read(path)
        for name, path in names.items()
        if name not in beside and not any(part.startswith(".") for part in name.split("/"))
    }


def answer(request: Request, file: StaticFile, headers: Mapping[str, str], caching: str = "no-cache") -> Response:
    """``file`` as the client of ``request`` takes it, or 304 if it has it. ``caching``: what it may do with it; by
    default keep it, and ask at each use whether it still stands."""
    content, encoding = file.encoded(request.headers.get("accept-encoding", ""))
    told = {"ETag": file.etag(encoding), "Cache-Control": caching, "Vary": "Accept-Encoding", **headers}
    if matches(request.headers.get("if-none-match"), told["ETag"]):
        return Response(status_code=304, headers=told)
    if encoding is not None:
        told["Content-Encoding"] = encoding
    told["Content-Length"] = str(len(content))
    return Response(b"" if request.method == "HEAD" else content, headers=told, media_type=file.media_type)


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    there = {encoding: path.with_name(path.name + suffix) for encoding, suffix in ENCODINGS.items()}
    compressed = {encoding: other.read_bytes() for encoding, other in there.items() if other.is_file()}
    if "gzip" not in compressed and len(content) >= WORTH_IT:
        smaller = gzip.compress(content, mtime=0)
        if len(smaller) < 0.9 * len(content):  # a picture or a font is compressed in itself
            compressed["gzip"] = smaller
    digest = hashlib.sha256(content).hexdigest()[:32]
    return StaticFile(MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"), content, compressed, digest)


def _parse(item: str) -> tuple[str, float]:
    """One encoding and its quality; a malformed quality counts as 0."""
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return name, float(quality)
    except ValueError:
        return name, 0.0
