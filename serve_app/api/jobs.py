"""The job API: submit, look, follow, cancel, delete."""

from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import Response

from deployments.engine.request import PICTURE_FIELDS, REQUEST_ID_PATTERN
from serve_app.api.backend import Backend
from serve_app.api.body import documented, picture_body
from serve_app.api.callers import Asking
from serve_app.api.ids import JobId
from serve_app.api.openapi import EVENT_STREAM_ANSWER, refusals
from serve_app.api.pictures import beside_loop
from serve_app.api.schemas import JobBody, JobFields
from serve_app.api.sse import JobFrames
from serve_app.api.streams import Streams
from serve_app.api.views import JobAccepted, JobList, JobView, Links
from serve_app.jobs.caller import MAX_KEY_CHARS, OWN_ID, Caller
from serve_app.jobs.events import EventId
from serve_app.jobs.job import TERMINAL, JobStatus
from serve_app.jobs.paging import MAX_PAGE, MAX_TEXT_CHARS

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY_CHARS,
        description="Your own name for this submission: a repeat answers the job that there is, another body is 409.",
    ),
]

SUBMISSION = (
    "invalid_request",
    "unsupported_by_model",
    "model_not_found",
    "conflict",
    "payload_too_large",
    "unsupported_media_type",
    "queue_full",
    "model_unavailable",
)
"""How a submission can be refused."""

EXAMPLE = {
    "operation": "image_generation",
    "model": "sd15",
    "prompt": "a beautiful sunset over mountains",
    "steps": 20,
    "width": 512,
    "height": 512,
}


def jobs_router(backend: Backend, streams: Streams) -> APIRouter:
    """The routes under ``/v1/jobs``."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.post(
        "",
        status_code=202,
        response_model=JobAccepted,
        summary="Submit a job",
        openapi_extra=documented(JobBody, form=PICTURE_FIELDS, sunset=EXAMPLE),
        responses=refusals(*SUBMISSION),
    )
    async def submit(
        request: Request,
        body: Annotated[JobFields, Depends(picture_body(JobBody))],
        caller: Asking,
        idempotency_key: Key = None,
    ) -> JobAccepted:
        """Commits the job, then answers: it runs whether or not anybody follows it."""
        wanted = await beside_loop(body, body.job_request, on_disconnect="detach")
        return JobAccepted.of(await backend.submit(wanted, caller, idempotency_key), Links(request))

    @router.put(
        "/{job_id}",
        status_code=202,
        response_model=JobAccepted,
        summary="Submit a job under an id of your own",
        openapi_extra=documented(JobBody, form=PICTURE_FIELDS, sunset=EXAMPLE),
        responses=refusals(*SUBMISSION),
    )
    async def put(
        request: Request,
        job_id: Annotated[str, Path(pattern=REQUEST_ID_PATTERN, description="The job's id.")],
        body: Annotated[JobFields, Depends(picture_body(JobBody))],
        caller: Asking,
    ) -> JobAccepted:
        """As often as it comes, there is one job; another body under the same id is refused as `conflict`."""
        wanted = await beside_loop(body, body.job_request, on_disconnect="detach", id=job_id)
        return JobAccepted.of(await backend.submit(wanted, caller, f"{OWN_ID}{job_id}"), Links(request))

    @router.get(
        "", response_model=JobList, summary="List jobs", responses=refusals("invalid_request", "model_not_found")
    )
    async def page(
        request: Request,
        caller: Asking,
        *,
        status: Annotated[JobStatus | None, Query(description="Only jobs in this state.")] = None,
        model: Annotated[str | None, Query(max_length=200, description="Only this model's jobs; id or alias.")] = None,
        text: Annotated[
            str | None,
            Query(
                min_length=1, max_length=MAX_TEXT_CHARS, description="Only jobs whose prompt contains it, in any case."
            ),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Jobs on this page at most.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=200, description="`next_cursor` of the page before this one.")
        ] = None,
    ) -> JobList:
        """Newest first. A search by `text` looks at some thousand jobs a page: one may be short, or empty, and there be
        more behind its `next_cursor`."""
        found = await backend.jobs(caller, status=status, model=model, text=text, limit=limit, cursor=cursor)
        return JobList.of(found, Links(request))

    @router.get(
        "/{job_id}",
        response_model=JobView,
        summary="Look at a job",
        responses=refusals("job_not_found", "invalid_request"),
    )
    async def look(request: Request, job_id: JobId, caller: Asking) -> JobView:
        """State, position, ETA, progress, timings, images, error and the resolved parameters."""
        return JobView.of(await backend.get(job_id, caller), Links(request))

    @router.get(
        "/{job_id}/stream",
        summary="Follow a job",
        response_class=Response,
        responses={
            200: EVENT_STREAM_ANSWER,
            204: {"description": "Nothing comes after `Last-Event-ID`: the job has ended. Stop reconnecting."},
            **refusals("job_not_found", "invalid_request", "too_many_streams"),
        },
    )
    async def stream(
        request: Request,
        job_id: JobId,
        caller: Asking,
        last_event_id: Annotated[
            str | None, Header(description="Resume after this event, as EventSource does by itself.")
        ] = None,
    ) -> Response:
        """Server-sent events. A late comer gets all transitions and progress, and each image's newest preview."""
        after = EventId.parse(last_event_id) if last_event_id else None
        job = await backend.get(job_id, caller)
        if after is not None and job.status in TERMINAL and not await _anything(backend, job_id, caller, after):
            return Response(status_code=204)
        frames = JobFrames(job, backend, caller, Links(request), resumable=True)
        return streams.open(caller, backend.follow(job_id, caller, after), frames)

    @router.post(
        "/{job_id}/cancel",
        response_model=JobView,
        summary="Cancel a job",
        responses=refusals("job_not_found", "invalid_request"),
    )
    async def cancel(request: Request, job_id: JobId, caller: Asking) -> JobView:
        """Answers the job in the state that won: cancelled, or the end it had reached before."""
        return JobView.of(await backend.cancel(job_id, caller), Links(request))

    @router.delete(
        "/{job_id}", status_code=204, summary="Delete a job", responses=refusals("job_not_found", "invalid_request")
    )
    async def delete(job_id: JobId, caller: Asking) -> None:
        """Cancels it if it runs, then forgets it and its images."""
        await backend.delete(job_id, caller)

    return router


async def _anything(backend: Backend, job_id: str, caller: Caller, after: EventId) -> bool:
    """Whether a job that has ended has events after ``after``."""
    async with aclosing(backend.follow(job_id, caller, after)) as batches:
        return await anext(batches, None) is not None
