"""The HTTP client of the command line, against a real server on loopback."""

from socket import socket

import pytest
from starlette.responses import PlainTextResponse

from serve_app.jobs.events import Cancelled, Error
from serve_app.terminal.client import ServiceClient, ServiceError, ServiceUnreachable
from tests.unit.serve_app.scripted_service import IMAGE, ScriptedBackend, developing, listening, scripted

PICTURE = {"prompt": "a red circle", "steps": 4}


def test_a_job_is_followed_from_its_first_to_its_terminal_event() -> None:
    with scripted(ScriptedBackend(developing(steps=4))) as url, ServiceClient(url) as service:
        events = list(service.follow(service.submit(PICTURE)["job_id"]))

        assert [event["event"] for event in events] == ["queued", "started", *["progress"] * 4, "preview", "complete"]
        assert service.image(events[-1]["images"][0]["url"]) == IMAGE


def test_a_broken_stream_is_resumed_where_it_broke_and_each_event_comes_once() -> None:
    backend = ScriptedBackend(developing(steps=4), breaks_after=[0, 3, 2])
    with scripted(backend) as url, ServiceClient(url, resume_delay_s=0) as service:
        events = list(service.follow(service.submit(PICTURE)["job_id"]))

    assert [event["step"] for event in events if event["event"] == "progress"] == [1, 2, 3, 4]
    assert backend.resumed_after == [None, None, "1-3", "1-5"]


def test_a_service_that_restarts_is_waited_for() -> None:
    backend = ScriptedBackend(developing(steps=4), breaks_after=[3], restarts_for=2)
    with scripted(backend) as url, ServiceClient(url, resume_delay_s=0) as service:
        events = list(service.follow(service.submit(PICTURE)["job_id"]))

    assert events[-1]["event"] == "complete"
    assert backend.resumed_after == [None, "1-3"]


def test_a_stream_that_breaks_again_and_again_without_any_event_is_given_up() -> None:
    backend = ScriptedBackend(developing(), breaks_after=[0] * 10)
    with scripted(backend) as url, ServiceClient(url, resume_attempts=3, resume_delay_s=0) as service:
        job_id = service.submit(PICTURE)["job_id"]
        with pytest.raises(ServiceUnreachable, match="ended early"):
            list(service.follow(job_id))

    assert len(backend.resumed_after) == 4  # the first connection, and three attempts to resume it


def test_an_event_may_be_as_large_as_an_image_in_base64() -> None:
    image = bytes(3 * 2**20)
    with scripted(ScriptedBackend(developing(steps=1), image=image)) as url, ServiceClient(url) as service:
        *_, complete = service.follow(service.submit(PICTURE)["job_id"])

    assert complete["event"] == "complete"


@pytest.mark.parametrize("end", [Cancelled(), Error("out_of_memory", "too large")], ids=["cancelled", "error"])
def test_every_terminal_event_ends_the_stream(end: Cancelled | Error) -> None:
    with scripted(ScriptedBackend([end])) as url, ServiceClient(url) as service:
        (event,) = service.follow(service.submit(PICTURE)["job_id"])

    assert event["event"] == end.event


def test_a_refusal_carries_the_code_the_sentence_and_the_status() -> None:
    with scripted(ScriptedBackend()) as url, ServiceClient(url) as service:
        with pytest.raises(ServiceError) as refused:
            service.submit({"prompt": "a red circle", "steps": 0})
        with pytest.raises(ServiceError) as unknown:
            service.job("nobody")

    assert (refused.value.code, refused.value.status) == ("invalid_request", 422)
    assert "steps" in refused.value.message
    assert (unknown.value.code, unknown.value.status) == ("job_not_found", 404)


def test_a_page_that_is_not_darkrooms_is_an_error_with_its_status_and_text() -> None:
    async def proxy(scope, receive, send):  # type: ignore[no-untyped-def]
        await PlainTextResponse("no upstream", 502)(scope, receive, send)

    with listening(proxy) as url, ServiceClient(url) as service:
        with pytest.raises(ServiceError) as error:
            service.models()
        assert service.readiness() is None

    assert (error.value.code, error.value.message, error.value.status) == ("http_502", "no upstream", 502)


def test_readiness_tells_each_models_state_whether_ready_or_not() -> None:
    with scripted(ScriptedBackend(states=["starting", "ready"])) as url, ServiceClient(url) as service:
        assert service.readiness() == {"sd15": "starting"}
        assert service.readiness() == {"sd15": "ready"}


def test_a_url_where_nothing_listens_is_unreachable() -> None:
    with socket() as closed:  # bound, but not listening: nobody else can take the port meanwhile
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with ServiceClient(url) as service:
            assert service.readiness() is None
            with pytest.raises(ServiceUnreachable, match=f"no service answers at {url}"):
                service.models()


def test_a_cancelled_job_answers_the_state_that_won() -> None:
    with scripted(ScriptedBackend()) as url, ServiceClient(url) as service:
        job_id = service.submit(PICTURE)["job_id"]

        assert service.cancel(job_id)["status"] == "cancelled"
        assert service.job(job_id)["status"] == "cancelled"
        assert [job["job_id"] for job in service.jobs(status="cancelled")["jobs"]] == [job_id]
        assert service.jobs(status="running")["jobs"] == []
