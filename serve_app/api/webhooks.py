"""What this service sends to others, for the documentation: the OpenAPI document's ``webhooks``."""

from typing import Annotated

from fastapi import FastAPI, Header

from serve_app.jobs.webhooks.payload import JobNotice


def document_webhooks(app: FastAPI) -> None:
    """Describe in ``app``'s document what the receiver of a job's ``webhook`` gets, and what its answers mean."""

    @app.webhooks.post(
        "job",
        summary="News of a job",
        status_code=204,
        response_description="Any 2xx: it has arrived.",
        responses={
            410: {"description": "It is not sent again."},
            429: {"description": "It is sent again, no sooner than `Retry-After` says; 503 too."},
            "default": {
                "description": "Anything else, a redirect too, or no answer: it is sent again, ten times in three days."
            },
        },
    )
    async def job(
        notice: JobNotice,
        webhook_id: Annotated[str, Header(description="The same each time that it is sent.")],
        webhook_timestamp: Annotated[int, Header(description="When it was sent, in seconds since the epoch.")],
        webhook_signature: Annotated[str, Header(description="`v1,` and a base64 HMAC-SHA256; several for a while.")],
    ) -> None:
        """Sent to the `url` of a job's `webhook` for each of its `events`, at least once, in any order.

        Signed as [Standard Webhooks](https://www.standardwebhooks.com) prescribes: verify it with one of their
        libraries, over the body as it came.
        """
