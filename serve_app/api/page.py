"""The web page at ``/``: its files, and the addresses that are its own views.

It is built by ``ui/`` into ``serve_app/static``. Where it has not been built, ``/`` leads to the documentation.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path

from deployments.engine.errors import shorten
from serve_app.api.caching import FOR_GOOD
from serve_app.api.errors import RouteNotFound
from serve_app.api.static import StaticFile, answer, read_folder

BUILT: Final = Path(__file__).parents[1] / "static"

FRONT_DOOR: Final = "/"

ADDRESSES: Final = ("/jobs", "/jobs/{job_id}", "/gallery", "/operations")
"""What the page shows by itself: a browser that is sent there gets the page, which looks at its address."""

ASSETS: Final = "assets/"
"""The folder of files whose names change with their content."""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""What the page may do: run, show and ask what this service serves, and write no text as script or markup."""

HEADERS: Final = {"Content-Security-Policy": POLICY}

_ADDRESSES = tuple(compile_path(address)[0] for address in ADDRESSES)


class Page:
    """The page as it was built: read once, when the service starts."""

    def __init__(self, files: Mapping[str, StaticFile]) -> None:
        """``files`` by their paths, ``index.html`` among them. Beside the assets those at the top are served, if their
        names have a dot, which no address of the API has that is not open anyway."""
        self.index = files["index.html"]
        self.assets = {name: file for name, file in files.items() if name.startswith(ASSETS)}
        self.others = {name: file for name, file in files.items() if "/" not in name and "." in name}

    def nowhere(self, request: Request) -> Response | None:
        """What a browser sees that was sent to an address where nothing is: the page, which says so. ``None`` for
        what takes no HTML, and below a prefix."""
        is_browser = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")
        if not is_browser or request.scope.get("root_path"):
            return None
        told = {**HEADERS, "Cache-Control": "no-store", "Vary": "Accept"}
        return Response(self.index.content, 404, told, media_type=self.index.media_type)

    def has(self, path: str) -> bool:
        """Whether ``path`` is the page's: one of its addresses or files, or where its assets would be."""
        if path.startswith(f"/{ASSETS}") or path.removeprefix("/") in self.others:
            return True
        return any(address.match(path) for address in _ADDRESSES)


def read_page(folder: Path) -> Page | None:
    """The page that was built into ``folder``, if there is one."""
    files = read_folder(folder)
    return Page(files) if "index.html" in files else None


def page_router(page: Page | None) -> APIRouter:
    """``/``, and all that is the page's, if there is one."""
    router = APIRouter(include_in_schema=False)
    methods = ["GET", "HEAD"]

    @router.api_route(FRONT_DOOR, methods=methods)
    async def front_door(request: Request) -> Response:
        """Whoever opens the service in a browser gets the page; or finds what it can do. Below a prefix, too: the page
        is built to be at the root of its host."""
        if page is None or request.scope.get("root_path"):
            return RedirectResponse(request.url_for("docs").path)
        return answer(request, page.index, HEADERS)

    if page is None:
        return router

    for address in ADDRESSES:
        router.add_api_route(address, _serving(page.index), methods=methods)

    @router.api_route(f"/{ASSETS}{{name:path}}", methods=methods)
    async def asset(request: Request, name: str) -> Response:
        file = page.assets.get(f"{ASSETS}{name}")
        if file is None:
            raise RouteNotFound(f"the page has no file {shorten(name)}")
        return answer(request, file, HEADERS, caching=f"public, {FOR_GOOD}")

    for path, file in page.others.items():
        router.add_api_route(f"/{path}", _serving(file), methods=methods)
    return router


def _serving(file: StaticFile) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return answer(request, file, HEADERS)

    return serve
