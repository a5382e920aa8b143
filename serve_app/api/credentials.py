"""What a request shows of its sender: an API key in its headers, or a session in its cookie."""

from typing import Final

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers

from serve_app.jobs.tokens import KEY_PREFIX

SESSION_COOKIE: Final = "darkroom_session"
KEY_HEADER: Final = "X-API-Key"


def key_of(headers: Headers) -> str | None:
    """The API key in ``Authorization: Bearer …`` or ``X-API-Key``, right or wrong.

    Text that no key of this service begins with is none: OpenAI's clients can't do without some ``api_key``, also where
    none is needed.
    """
    scheme, token = get_authorization_scheme_param(headers.get("authorization"))
    for shown in (token.strip() if scheme.lower() == "bearer" else "", headers.get(KEY_HEADER, "").strip()):
        if shown.startswith(KEY_PREFIX):
            return shown
    return None
