"""Who makes a request."""

from typing import Annotated

from fastapi import Depends, Request

from serve_app.jobs.caller import ANONYMOUS, Caller


def caller_of(request: Request) -> Caller:
    """The caller of ``request``: without a key, its address."""
    return Caller(f"{ANONYMOUS}{request.client.host if request.client else 'unknown'}")


Asking = Annotated[Caller, Depends(caller_of)]
"""The parameter of a route that wants to know who asks."""
