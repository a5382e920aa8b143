"""``/docs``: the OpenAPI document as a page."""

import base64
import hashlib
import re
from typing import Final

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

CDN: Final = "https://cdn.jsdelivr.net"
"""Where the page's script and style come from, as FastAPI has it."""


def docs_router(title: str, openapi_url: str) -> APIRouter:
    """``/docs``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        page = get_swagger_ui_html(
            openapi_url=request.scope.get("root_path", "").rstrip("/") + openapi_url,
            title=title,
            swagger_favicon_url="data:,",  # none: it would come from yet another host
        )
        page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())
        return page

    return router


def _policy(page: str) -> str:
    """What the page needs and nothing else: Swagger UI, the page's own script by its hash, and this service's API."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {CDN} 'sha256-{digest}'",
            f"style-src {CDN} 'unsafe-inline'",  # Swagger UI styles its parts one by one
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
