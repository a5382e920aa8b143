"""The environment variables, and the only reader of them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from serve_app.settings.invalid import ConfigInvalid

WEBHOOK_SECRET_VARIABLE: Final = "DARKROOM_WEBHOOK_SECRET"
DATA_VARIABLE: Final = "DARKROOM_DATA"
URL_VARIABLE: Final = "DARKROOM_URL"
KEY_VARIABLE: Final = "DARKROOM_API_KEY"
HAPROXY_VARIABLE: Final = "RAY_SERVE_ENABLE_HA_PROXY"
TRACES_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own: where spans are sent. Its SDK reads these, and the rest of its variables, in each process."""


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where an embedded service keeps its data: ``DARKROOM_DATA``, else ``./darkroom-data``; made absolute."""
    return Path(environ.get(DATA_VARIABLE) or "darkroom-data").expanduser().absolute()


def service_url(environ: Mapping[str, str] = os.environ) -> str:
    """The service that a client talks to: ``DARKROOM_URL``, else the address where ``darkroom serve`` listens."""
    return environ.get(URL_VARIABLE) or "http://127.0.0.1:8000"


def api_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The key that a client shows: ``DARKROOM_API_KEY``.

    Raises:
        ConfigInvalid: it could not be sent. The message does not show it.
    """
    key = environ.get(KEY_VARIABLE, "").strip()
    if key and re.fullmatch(r"[!-~]+", key) is None:
        raise ConfigInvalid(f"{KEY_VARIABLE}: is no API key, which has no spaces and ASCII characters alone")
    return key or None


def knows_peers(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Serve tells who connects. Behind the HAProxy that it can start, everybody comes from this machine."""
    return environ.get(HAPROXY_VARIABLE, "0") == "0"


def exports_traces(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether spans are to be exported: one of :data:`TRACES_VARIABLES` says where to, and nobody has forbidden it."""
    return any(map(environ.get, TRACES_VARIABLES)) and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def webhook_secret(environ: Mapping[str, str] = os.environ) -> str | None:
    """What webhooks are signed with: ``DARKROOM_WEBHOOK_SECRET``."""
    return environ.get(WEBHOOK_SECRET_VARIABLE) or None
