"""The web page: where it is served, what a browser may keep and do of it, and that it opens no door of the API."""

import gzip
from pathlib import Path

import httpx2
import pytest
from fastapi.routing import APIRoute

from serve_app.api.app import create_api
from serve_app.api.page import read_page
from serve_app.jobs.caller import Caller
from serve_app.jobs.tokens import new_key
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import UNBUILT, connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

_, KEY = new_key()
INDEX = "<!doctype html><title>Darkroom</title><script type=module src=/assets/index-1a2b.js></script>"
SCRIPT = "console.log('ein Bild')\n" * 200
ADDRESSES = ("/", "/jobs", "/jobs/3f2b8a0c", "/gallery", "/operations")
FILES = ("/assets/index-1a2b.js", "/assets/fonts/plain-9f.woff2", "/favicon.svg", "/manifest.webmanifest")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as Vite builds one."""
    for name, content in {
        "index.html": INDEX,
        "favicon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "manifest.webmanifest": "{}",
        "assets/index-1a2b.js": SCRIPT,
        "assets/fonts/plain-9f.woff2": "font",
        "health": "a file that is called as a route",
        "v1/jobs": "another one",
        ".vite/manifest.json": "{}",
    }.items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "static"


def visitor(built: Path, **api: object) -> httpx2.AsyncClient:
    """A browser somewhere, which has shown no key to a service that asks for one."""
    backend = ScriptedBackend(keys={KEY: Caller("alice")})
    return connect(backend, peer="203.0.113.9", base="https://pictures.example", static=built, **api)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_address_of_the_page_is_the_page_for_whoever_comes(built: Path, address: str) -> None:
    async with visitor(built) as browser:
        answer = await browser.get(address)
        head = await browser.head(address)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]
    assert head.headers["content-length"] == str(len(INDEX))


async def test_a_page_that_has_not_changed_is_not_sent_again(built: Path) -> None:
    async with visitor(built) as browser:
        etag = (await browser.get("/")).headers["etag"]
        again = await browser.get("/gallery", headers={"If-None-Match": etag})
        (built / "index.html").write_text("<!doctype html>another")
    assert (again.status_code, again.content) == (304, b"")
    async with visitor(built) as browser:
        assert (await browser.get("/", headers={"If-None-Match": etag})).status_code == 200


@pytest.mark.parametrize("path", FILES)
async def test_files_come_with_their_type_and_those_that_are_named_by_content_are_kept_for_good(
    built: Path, path: str
) -> None:
    types = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
    async with visitor(built) as browser:
        answer = await browser.get(path)
    assert answer.content == (built / path.removeprefix("/")).read_bytes()
    assert answer.headers["content-type"].startswith(types.get(Path(path).suffix, "application/manifest+json"))
    assert answer.headers["x-content-type-options"] == "nosniff"
    kept = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-cache"
    assert answer.headers["cache-control"] == kept


async def test_a_missing_file_is_404_and_not_the_page(built: Path) -> None:
    missing = ("/assets/index-0000.js", "/assets/", "/assets/%2e%2e%2findex.html", "/nope.js")
    async with connect(ScriptedBackend(), static=built) as browser:
        for path in (*missing, "/.vite/manifest.json", "/jobs/a/b", "/galleries", "/index"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("address", ["/nowhere", "/gallery/of/nothing", "/v1/nothing"])
async def test_a_browser_that_is_sent_nowhere_gets_the_page_which_says_so(built: Path, address: str) -> None:
    async with connect(ScriptedBackend(), static=built) as browser:
        shown = await browser.get(address, headers=HTML)
        head = await browser.head(address, headers=HTML)
        told = await browser.get(address)
        sent = await browser.post(address, headers=HTML)
    assert (shown.status_code, shown.text, shown.headers["cache-control"]) == (404, INDEX, "no-store")
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    assert (head.status_code, head.content) == (404, b"")
    assert (told.status_code, told.json()["error"]["code"]) == (404, "not_found")
    assert (sent.status_code, sent.json()["error"]["code"]) == (404, "not_found")


async def test_nowhere_is_no_way_past_the_doors(built: Path) -> None:
    async with visitor(built) as browser:
        assert (await browser.get("/nowhere", headers=HTML)).status_code == 401


async def test_the_page_is_read_only(built: Path) -> None:
    async with connect(ScriptedBackend(), static=built) as browser:
        for path in (*ADDRESSES, *FILES):
            answer = await browser.post(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=x", None),
        ("", None),
        ("zstd", None),
    ],
)
async def test_a_file_is_sent_as_small_as_the_client_reads_it(built: Path, accepted: str, encoding: str | None) -> None:
    (built / "assets/index-1a2b.js.br").write_bytes(b"brotli")
    async with visitor(built) as browser:
        asked = browser.build_request("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": accepted})
        answer = await browser.send(asked, stream=True)
        raw = b"".join([part async for part in answer.aiter_raw()])
        plain = await browser.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})
        assert (await browser.get("/assets/index-1a2b.js.br")).status_code == 404
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(raw))
    assert (answer.headers["etag"] == plain.headers["etag"]) == (encoding is None)
    expected = {"br": b"brotli", None: SCRIPT.encode()}
    assert (gzip.decompress(raw) == SCRIPT.encode()) if encoding == "gzip" else (raw == expected[encoding])


async def test_the_page_may_run_and_ask_what_this_service_serves_and_nothing_else(built: Path) -> None:
    async with visitor(built) as browser:
        answers = [await browser.get(path) for path in (*ADDRESSES, *FILES)]
    for answer in answers:
        policy = dict(part.partition(" ")[::2] for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["font-src"] == "'self'"
        assert policy["img-src"] == "'self' data: blob:"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_no_address_of_the_api_is_the_pages(built: Path) -> None:
    page = read_page(built)
    assert page is not None
    api = create_api(ScriptedBackend(), ApiSettings(), static=UNBUILT)
    paths = [route.path for route in api.routes if isinstance(route, APIRoute)] + list(api.openapi()["paths"])
    assert {"/v1/jobs", "/v1/jobs/{job_id}", "/health", "/txt2img"} <= set(paths)
    for path in {*paths, "/v1/jobs/a.js", "/v1/assets/a.js", "//assets/a.js", "/v1/jobs/../assets/a.js"} - {"/"}:
        assert not page.has(path), path


async def test_the_api_stays_closed_beside_the_page(built: Path) -> None:
    async with visitor(built) as browser:
        for path in ("/v1/jobs", "/v1/models", "/jobs/a/b", "/nope.js", "/v1/jobs/favicon.svg", "/assetsx"):
            assert (await browser.get(path)).status_code == 401, path
        assert (await browser.get("/health")).json() == {"status": "ok"}


async def test_where_no_page_was_built_the_documentation_is_the_front_door(built: Path) -> None:
    (built / "index.html").unlink()
    for static in (built, UNBUILT):
        async with visitor(static) as browser:
            for method in ("GET", "HEAD"):
                answer = await browser.request(method, "/")
                assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
            assert (await browser.get("/gallery")).status_code == 401
        async with connect(ScriptedBackend(), static=static) as browser:
            assert (await browser.get("/gallery")).status_code == 404


async def test_below_a_prefix_too_as_the_page_is_built_for_the_root_of_its_host(built: Path) -> None:
    api = create_api(ScriptedBackend(), ApiSettings(), static=built)
    transport = httpx2.ASGITransport(api, root_path="/pictures", client=("127.0.0.1", 123))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/pictures/")).headers["location"] == "/pictures/docs"
