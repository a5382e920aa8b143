"""What is told of a job: one notice for each kind of news that its webhook asked for."""

import json
from dataclasses import replace
from typing import Any

import pytest

from deployments.catalog import CATALOG
from serve_app.jobs.admission import MAX_METADATA_BYTES, admit
from serve_app.jobs.job import ImageRef, Job, JobStatus, Webhook
from serve_app.jobs.outcome import CANCELLED, Outcome, failed, late
from serve_app.jobs.webhooks import notices
from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.payload import JobNotice
from tests.unit.serve_app.jobs.job_fakes import wish

ALL = ("started", "restarted", "complete", "error", "cancelled")
IMAGE = ImageRef(0, "a/1/0", 7, "png", 64, 48, 100)
DONE = Outcome(JobStatus.SUCCEEDED, (IMAGE,), {"wait": 0.25, "total": 1.5})
NOW = 1_700_000_000.5


def job(**fields: Any) -> Job:
    webhook = Webhook(url="https://Receiver.example:8443/jobs?token=x", events=ALL)
    request = admit(wish(id="a", **({"webhook": webhook} | fields)), CATALOG["sd15"]).request
    return Job("a", request, JobStatus.QUEUED, 0, NOW - 1, client="alice")


def told(delivery: Delivery | None) -> dict[str, Any]:
    assert delivery is not None
    body: dict[str, Any] = json.loads(delivery.body)
    JobNotice.model_validate_json(delivery.body)
    return body


def test_a_delivery_is_due_at_once_and_names_who_sends_it_and_where() -> None:
    delivery = notices.started(job(), 1, NOW)
    assert delivery is not None
    assert (delivery.model, delivery.job_id, delivery.tries) == ("sd15", "a", 0)
    assert (delivery.url, delivery.host) == ("https://Receiver.example:8443/jobs?token=x", "receiver.example")
    assert delivery.due_at == delivery.created_at == NOW


def test_a_finished_job_is_told_with_where_its_images_are() -> None:
    running = replace(job(metadata={"mine": "ü"}), status=JobStatus.RUNNING, attempt=2)
    assert told(notices.ended(running, DONE, NOW)) == {
        "type": "job.complete",
        "timestamp": "2023-11-14T22:13:20.500000Z",
        "data": {
            "job_id": "a",
            "status": "succeeded",
            "model": "sd15",
            "attempt": 2,
            "metadata": {"mine": "ü"},
            "images": [
                {
                    "index": 0,
                    "seed": 7,
                    "format": "png",
                    "width": 64,
                    "height": 48,
                    "path": "/v1/jobs/a/images/0",
                }
            ],
            "error": None,
            "timings": {"wait": 0.25, "total": 1.5},
        },
    }


@pytest.mark.parametrize(
    ("outcome", "kind", "status", "code"),
    [
        (failed("out_of_memory", "no luck"), "job.error", "failed", "out_of_memory"),
        (late(JobStatus.QUEUED), "job.error", "expired", "deadline_exceeded"),
        (CANCELLED, "job.cancelled", "cancelled", None),
    ],
)
def test_every_end_has_its_notice(outcome: Outcome, kind: str, status: str, code: str | None) -> None:
    body = told(notices.ended(job(), outcome, NOW))
    assert (body["type"], body["data"]["status"]) == (kind, status)
    assert (body["data"]["error"] and body["data"]["error"]["code"]) == code


def test_a_start_and_a_restart_are_told_with_the_attempt_as_streams_tell_it() -> None:
    start = told(notices.started(job(), 1, NOW))
    assert (start["type"], start["data"]["status"], start["data"]["attempt"]) == ("job.started", "running", 1)
    lost = told(notices.restarted(replace(job(), status=JobStatus.RUNNING, attempt=1), NOW))
    assert (lost["type"], lost["data"]["status"], lost["data"]["attempt"]) == ("job.restarted", "queued", 2)


def test_only_what_the_webhook_asked_for_is_told() -> None:
    asked = job(webhook=Webhook(url="https://receiver.example/", events=("error", "restarted")))
    assert notices.started(asked, 1, NOW) is None
    assert notices.ended(asked, DONE, NOW) is None
    assert notices.ended(asked, CANCELLED, NOW) is None
    assert notices.restarted(asked, NOW) is not None
    assert notices.ended(asked, failed("internal", "x"), NOW) is not None


def test_by_default_the_ends_are_told_and_nothing_else() -> None:
    plain = job(webhook=Webhook(url="https://receiver.example/"))
    assert notices.started(plain, 1, NOW) is None
    assert notices.restarted(plain, NOW) is None
    for outcome in (DONE, CANCELLED, failed("internal", "x"), late(JobStatus.QUEUED)):
        assert notices.ended(plain, outcome, NOW) is not None


def test_a_job_without_a_webhook_tells_nothing() -> None:
    silent = job(webhook=None)
    assert notices.started(silent, 1, NOW) is None
    assert notices.ended(silent, DONE, NOW) is None


def test_no_two_notices_have_the_same_id() -> None:
    ids = [found.id for found in (notices.started(job(), 1, NOW) for _ in range(100)) if found]
    assert len(set(ids)) == 100


@pytest.mark.parametrize("letter", ["a", "é", "画", "😀", "\x01"])
def test_no_body_is_larger_than_32_kib_or_other_than_ascii(letter: str) -> None:
    room = (MAX_METADATA_BYTES - len('{"k":""}')) // len(json.dumps(letter, ensure_ascii=False).encode()[1:-1])
    full = job(metadata={"k": letter * room})
    images = tuple(ImageRef(index, "k" * 70, 2**53 - 1, "webp", 4096, 4096, 2**40) for index in range(10))
    worst = Outcome(JobStatus.FAILED, images, DONE.timings, failed("internal", letter * 100_000).error)
    delivery = notices.ended(full, worst, NOW)
    assert delivery is not None
    assert len(delivery.body.encode("ascii")) <= 32 * 1024
