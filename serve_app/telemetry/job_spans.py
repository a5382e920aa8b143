"""The facts of the job service as spans: ``queue`` for each wait, ``job`` for the whole. The replicas add theirs."""

from opentelemetry.trace import Tracer

from deployments.telemetry.tracing import TRACER, add_span, trace_of
from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.observer import Begun, Ended, Fact


class JobSpans:
    """An observer of the job service that traces the jobs that have a trace. Made after the fact, from the job's own
    times: a Router that restarts has nothing to lose."""

    def __init__(self, tracer: Tracer = TRACER) -> None:
        self._tracer = tracer

    def __call__(self, fact: Fact) -> None:
        match fact:
            case Begun(job, since, at) if job.request.trace is not None:
                self._add("queue", job, job.request.trace, since, at)
            case Ended(job) if job.request.trace is not None and job.finished_at is not None:
                self._add("job", job, job.request.trace, job.created_at, job.finished_at)

    def _add(self, name: str, job: Job, trace: str, start_s: float, end_s: float) -> None:
        request = job.request
        told: dict[str, str | int] = {
            "darkroom.job": job.id,
            "darkroom.attempt": job.attempt,
            "darkroom.model": str(request.generation.model),
            "darkroom.priority": request.priority,
            "darkroom.status": str(job.status),
        }
        failed = job.status in (JobStatus.FAILED, JobStatus.EXPIRED)
        error = job.error.code if failed and job.error else None
        add_span(self._tracer, name, trace_of(trace), start_s=start_s, end_s=end_s, attributes=told, error=error)
