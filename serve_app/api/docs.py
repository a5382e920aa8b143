"""``/docs``: the OpenAPI document as a page. Its script and style come from this service, so it works offline."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import as_file, files
from typing import Final

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

from serve_app.api.static import StaticFile, answer, read_folder

DOCS: Final = "/docs"
SCRIPT: Final = f"{DOCS}/swagger-ui-bundle.js"
STYLE: Final = f"{DOCS}/swagger-ui.css"


def docs_router(title: str, openapi_url: str) -> APIRouter:
    """``/docs`` and its two files."""
    router = APIRouter(include_in_schema=False)
    methods = ["GET", "HEAD"]

    @router.api_route(DOCS, methods=methods)
    async def docs(request: Request) -> Response:
        prefix = request.scope.get("root_path", "").rstrip("/")
        page = get_swagger_ui_html(
            openapi_url=prefix + openapi_url,
            title=title,
            swagger_js_url=prefix + SCRIPT,
            swagger_css_url=prefix + STYLE,
            swagger_favicon_url="data:,",  # none: it would come from another host
        )
        page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())
        return page

    @router.api_route(SCRIPT, methods=methods)
    async def script(request: Request) -> Response:
        return answer(request, _swagger_ui()[SCRIPT], {})

    @router.api_route(STYLE, methods=methods)
    async def style(request: Request) -> Response:
        return answer(request, _swagger_ui()[STYLE], {})

    _swagger_ui()  # read and compressed now, not at the first request
    return router


@cache
def _swagger_ui() -> dict[str, StaticFile]:
    """Swagger UI's files, as the package fastapi-swagger ships them."""
    with as_file(files("fastapi_swagger") / "resources") as folder:
        return {f"{DOCS}/{name}": file for name, file in read_folder(folder).items()}


def _policy(page: str) -> str:
    """What the page needs and nothing else: Swagger UI, the page's own script by its hash, and this service's API."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{digest}'",
            "style-src 'self' 'unsafe-inline'",  # Swagger UI styles its parts one by one
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
