"""What the API needs from the service behind it. The Ingress implements it over a handle to the Router, tests over a
:class:`~serve_app.jobs.service.JobService` in the same process."""

from collections.abc import AsyncGenerator
from typing import Protocol

from deployments.engine.request import PictureField
from serve_app.jobs.activity import ModelActivity
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import ModelState, ModelStatus, WorkerStatus
from serve_app.jobs.job import Job, JobPage, JobRequest, JobStatus

__all__ = ["Backend", "ModelState", "ModelStatus", "WorkerStatus"]


class Backend(Protocol):
    """All methods raise :class:`~deployments.engine.errors.DarkroomError` and nothing else on purpose.

    A job that ``caller`` may not see is not found.
    """

    async def identify(self, token: str | None) -> Caller | None:
        """Whose key or session ``token`` is; never ``None`` for one. The answer may be a few seconds old.

        Without a token: ``None`` if there are no keys, so that nobody could show one.

        Raises:
            Unauthorized: the token is not known, revoked or over; or there is none, and there are keys.
        """
        ...

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        """Resolve, check, commit and queue. Raises InvalidRequest, UnsupportedByModel, ModelNotFound, QueueFull.

        ``key`` is the caller's own name for this submission: however often it comes, there is one job, and that is what
        is answered. Raises Conflict when something else was submitted under it, or the job's id is taken.
        """
        ...

    def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        """The job's events after ``after``, as they come, in lists, to the terminal one. Raises JobNotFound.

        Closing the generator before the end leaves a job with ``on_disconnect="detach"`` alone, and cancels one with
        ``"cancel"`` when nobody else follows it. A ``"cancel"`` job that nobody has begun to follow within
        ``JobSettings.follow_within_s`` of its submission is cancelled too, so a caller that dies between ``submit`` and
        ``follow`` leaves no orphan: it needs no clean-up of its own.

        Ends without any event when ``after`` is the terminal event's id or a later one.
        """
        ...

    async def get(self, job_id: str, caller: Caller) -> Job:
        """Raises JobNotFound."""
        ...

    async def jobs(
        self,
        caller: Caller,
        *,
        status: JobStatus | None = None,
        model: str | None = None,
        text: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> JobPage:
        """Those that ``caller`` may see, newest first; ``model`` may be an alias.

        With ``text``, those whose prompts contain it, in any case. A bounded number of jobs is looked at: such a page
        may be short or empty and still have a ``next_cursor``.

        Raises:
            InvalidRequest: the cursor is none of this list, or ``limit`` or ``text`` is out of bounds
                (:mod:`serve_app.jobs.paging`).
        """
        ...

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        """The job in the state that won: cancelled, or the terminal state it had reached before. Raises JobNotFound."""
        ...

    async def delete(self, job_id: str, caller: Caller) -> None:
        """Cancel it if it runs, then forget it and its images. Raises JobNotFound."""
        ...

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        """The job and the encoded bytes of its image ``index``.

        Raises:
            JobNotFound: there is no such job, or it has no such image (yet).
            Gone: the image has expired.
        """
        ...

    async def input(self, job_id: str, name: PictureField, caller: Caller) -> tuple[Job, bytes]:
        """The job and the bytes of the picture that came with it as ``name``, as they came.

        Raises:
            JobNotFound: there is no such job, or no such picture came with it.
            Gone: the picture has expired.
        """
        ...

    async def models(self) -> list[ModelStatus]:
        """Every configured model, in the order of the settings."""
        ...

    async def workers(self) -> list[WorkerStatus]:
        """Every known replica."""
        ...

    async def activity(self) -> list[ModelActivity]:
        """What each configured model has done in the last minutes, in the order of the settings."""
        ...
