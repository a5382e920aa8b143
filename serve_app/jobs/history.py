"""A finished job whose log is no longer in memory, told from its record."""

from serve_app.jobs.events import EventId, LoggedEvent, Queued, Started
from serve_app.jobs.outcome import terminal_event
from serve_app.jobs.store import Record


def history(record: Record, after: EventId | None) -> list[LoggedEvent]:
    """The job's transitions and its terminal event, those with a higher id than ``after``.

    The terminal event keeps the id it had, so who saw it is told nothing twice, and who saw the job's progress gets
    the end of it only. A job that a restart interrupted was ended in the new epoch: all of it is told.

    Raises:
        ValueError: the job has not ended.
    """
    job, last = record.job, record.last
    if last is None:
        raise ValueError(f"job {job.id} has not ended")
    told = [LoggedEvent(EventId(last.epoch, 1), Queued(0, None))]
    if job.attempt:
        told.append(LoggedEvent(EventId(last.epoch, 2), Started(job.attempt)))
    told = [event for event in told if event.id < last]  # it may have ended before it got that far
    told.append(LoggedEvent(last, terminal_event(job)))
    return [event for event in told if after is None or event.id > after]
