"""``python -m serve_app.api.document``: print the OpenAPI document, without a service. The client in ``ui/`` is made
from it."""

import json
import sys
from typing import cast

from serve_app.api.app import create_api
from serve_app.api.backend import Backend
from serve_app.settings import ApiSettings


def document() -> str:
    """The document of a service with default settings as JSON: the same text for the same code."""
    backend = cast(Backend, object())  # no route is called, so none asks it
    described = create_api(backend, ApiSettings()).openapi()
    return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
