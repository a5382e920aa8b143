"""Who makes a request, as the doors found out."""

from typing import Annotated, Final

from fastapi import Depends, Request

from serve_app.jobs.caller import Caller

CALLER: Final = "darkroom.caller"
"""The key of an ASGI scope under which the caller is."""


ADMIT_AGAIN: Final = "darkroom.admit_again"
"""The key of an ASGI scope under which is what answers whether the doors would still let this request in: a coroutine
function that raises Unauthorized or Forbidden if not."""


def caller_of(request: Request) -> Caller:
    """The caller of ``request``, of any route but those that :mod:`serve_app.api.doors` leaves open."""
    caller: Caller = request.scope[CALLER]
    return caller


Asking = Annotated[Caller, Depends(caller_of)]
"""The parameter of a route that wants to know who asks."""
