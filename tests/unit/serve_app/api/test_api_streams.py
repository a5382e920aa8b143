"""The job stream on the wire, over a real server: frames, resuming, pings, and clients that go away."""

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest

from deployments.engine.errors import ModelUnavailable
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import Error
from serve_app.jobs.tokens import new_key
from tests.unit.serve_app.api.reach import connect, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture, raising
from tests.unit.serve_app.api.test_api_jobs import BODY, submit


async def read(client: httpx2.AsyncClient, url: str, **headers: str) -> list[tuple[str, Any]]:
    """All frames of a stream as (id, data); fails on anything but ``data:`` and ``id:`` lines and pings."""
    answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = []
    for block in answer.text.strip("\n").split("\n\n"):
        if block.startswith(":"):
            continue
        (data,) = [line[6:] for line in block.split("\n") if line.startswith("data: ")]
        (event_id,) = [line[4:] for line in block.split("\n") if line.startswith("id: ")]
        assert len(block.split("\n")) == 2
        frames.append((event_id, data if data == "[DONE]" else json.loads(data)))
    return frames


async def test_a_stream_tells_the_whole_job_and_ends_with_done() -> None:
    async with serve(ScriptedBackend()) as client:
        job_id = await submit(client, preview_every=2)
        frames = await read(client, f"/v1/jobs/{job_id}/stream")
    told = [data for _, data in frames]
    assert [data if data == "[DONE]" else data["event"] for data in told] == [
        *("queued", "started", "progress", "progress", "progress", "progress", "preview", "image", "complete"),
        "[DONE]",
    ]
    assert told[0] == {"event": "queued", "position": 0, "eta_s": 0.5}
    assert told[5] == {"event": "progress", "step": 4, "total": 4}
    assert told[6] | {"image": ""} == {"event": "preview", "step": 4, "total": 4, "format": "jpeg", "image": ""}
    complete = told[-2]
    assert base64.b64decode(complete["image"], validate=True) == picture(128, 128, "png", 7)
    url = f"{client.base_url}/v1/jobs/{job_id}/images/0"
    assert complete["images"] == [{"url": url, "seed": 7, "format": "png", "width": 128, "height": 128}]
    assert complete["timings"]["total"] == 0.6


async def test_ids_ascend_and_done_has_the_one_after_the_end() -> None:
    async with serve(ScriptedBackend()) as client:
        frames = await read(client, f"/v1/jobs/{await submit(client)}/stream")
    numbers = [int(event_id.removeprefix("1-")) for event_id, _ in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == numbers[-2] + 1


async def test_with_several_images_events_carry_their_index() -> None:
    async with serve(ScriptedBackend()) as client:
        frames = await read(client, f"/v1/jobs/{await submit(client, n=2)}/stream")
    indexed = [data for _, data in frames[:-1] if data["event"] in {"progress", "preview", "image"}]
    assert {data["index"] for data in indexed} == {0, 1}
    assert [image["seed"] for image in frames[-2][1]["images"]] == [7, 8]


async def test_a_stream_resumes_after_the_last_event_id() -> None:
    async with serve(ScriptedBackend()) as client:
        url = f"/v1/jobs/{await submit(client)}/stream"
        whole = await read(client, url)
        assert await read(client, url, **{"Last-Event-ID": whole[3][0]}) == whole[4:]


async def test_resuming_at_the_end_answers_204_so_that_eventsource_stops() -> None:
    async with serve(ScriptedBackend()) as client:
        url = f"/v1/jobs/{await submit(client)}/stream"
        whole = await read(client, url)
        for last_id, _ in whole[-2:]:
            answer = await client.get(url, headers={"Last-Event-ID": last_id})
            assert (answer.status_code, answer.content) == (204, b"")


async def test_a_last_event_id_that_is_none_is_refused() -> None:
    async with serve(ScriptedBackend()) as client:
        answer = await client.get(f"/v1/jobs/{await submit(client)}/stream", headers={"Last-Event-ID": "soon"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "Last-Event-ID"


async def test_the_stream_of_an_unknown_job_is_404() -> None:
    async with serve(ScriptedBackend()) as client:
        assert (await client.get("/v1/jobs/nope/stream")).status_code == 404


async def test_a_failed_and_a_cancelled_job_end_their_streams_with_done() -> None:
    async with serve(ScriptedBackend(fail_with=Error("out_of_memory", "too large"))) as client:
        frames = await read(client, f"/v1/jobs/{await submit(client)}/stream")
        assert frames[-2][1] == {"event": "error", "code": "out_of_memory", "message": "too large"}
        assert frames[-1][1] == "[DONE]"
    async with serve(ScriptedBackend(hold_at=1)) as client:
        job_id = await submit(client)
        await client.post(f"/v1/jobs/{job_id}/cancel")
        frames = await read(client, f"/v1/jobs/{job_id}/stream")
        assert [data for _, data in frames[-2:]] == [{"event": "cancelled"}, "[DONE]"]


async def test_a_late_comer_to_expired_images_gets_complete_without_the_image() -> None:
    backend = ScriptedBackend()
    async with serve(backend) as client:
        job_id = await submit(client)
        backend.expire(job_id)
        frames = await read(client, f"/v1/jobs/{job_id}/stream")
    assert frames[-2][1]["image"] is None
    assert len(frames[-2][1]["images"]) == 1


async def test_events_come_as_they_happen_and_an_idle_stream_pings() -> None:
    backend = ScriptedBackend(hold_at=2)
    async with serve(backend, ping_s=0.01) as client:
        job_id = await submit(client)
        async with client.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
            lines = answer.aiter_lines()
            seen = [line async for line in until(lines, ": ping")]
            assert any('"step":2' in line for line in seen)
            assert not any("complete" in line for line in seen)
            backend.finish(job_id)
            rest = [line async for line in until(lines, "data: [DONE]")]
            assert any('"event":"complete"' in line for line in rest)


async def test_a_stream_does_not_outlive_the_key_that_opened_it() -> None:
    _, key = new_key()
    backend = ScriptedBackend(hold_at=2, keys={key: Caller("alice")})
    async with serve(backend, ping_s=0.01) as client:
        client.headers["X-API-Key"] = key
        job_id = await submit(client)
        async with client.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
            lines = answer.aiter_lines()
            assert [line async for line in until(lines, ": ping")]
            _, backend.keys["another"] = backend.keys.pop(key), Caller("bob")
            assert not any("DONE" in line for line in [line async for line in lines])
        assert (await client.get(f"/v1/jobs/{job_id}/stream")).status_code == 401
    await nobody_follows(backend)


async def test_a_follower_that_goes_away_leaves_a_job_alone() -> None:
    backend = ScriptedBackend(hold_at=1)
    async with serve(backend) as client:
        job_id = await submit(client)
        async with client.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
            await anext(answer.aiter_lines())
        await nobody_follows(backend)
        assert (await backend.get(job_id, Caller("@here"))).status == "running"


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "image/png"])
async def test_a_client_that_goes_away_cancels_a_synchronous_call(accept: str) -> None:
    backend = ScriptedBackend(hold_at=1)
    async with serve(backend) as client:
        await go_away(backend, client, "/txt2img", BODY, accept)
        async with asyncio.timeout(10):
            await backend.cancelled.wait()
        assert backend.followers == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_cancels_an_openai_call(stream: bool) -> None:
    backend = ScriptedBackend(hold_at=1)
    async with serve(backend) as client:
        await go_away(backend, client, "/v1/images/generations", {"prompt": "a", "stream": stream}, "*/*")
        async with asyncio.timeout(10):
            await backend.cancelled.wait()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_detached_synchronous_call_runs_on_without_its_client(accept: str) -> None:
    backend = ScriptedBackend(hold_at=1)
    async with serve(backend) as client:
        await go_away(backend, client, "/txt2img", BODY | {"on_disconnect": "detach"}, accept)
        await nobody_follows(backend)
        assert not backend.cancelled.is_set()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_server_that_cancels_the_request_cancels_the_job(accept: str) -> None:
    # Ray Serve cancels the handler's task when its client goes away
    backend = ScriptedBackend(hold_at=1)
    async with connect(backend) as client:
        call = asyncio.create_task(client.post("/txt2img", json=BODY, headers={"Accept": accept}))
        await backend.followed.wait()
        call.cancel()
        await asyncio.wait({call})
    assert backend.cancelled.is_set()
    assert backend.followers == 0


async def test_a_service_that_fails_a_job_stream_just_ends_it_so_that_clients_resume() -> None:
    async with serve(ScriptedBackend(fault=raising("follow", ModelUnavailable("restarting")))) as client:
        answer = await client.get(f"/v1/jobs/{await submit(client)}/stream")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_service_that_fails_a_one_call_stream_tells_it_and_hides_why() -> None:
    async with serve(ScriptedBackend(fault=raising("follow", KeyError("secret")))) as client:
        answer = await client.post("/txt2img", json=BODY, headers={"Accept": "text/event-stream"})
    event = json.loads(answer.text.removeprefix("data: "))
    assert (event["event"], event["code"]) == ("error", "internal")
    assert "secret" not in answer.text
    assert "[DONE]" not in answer.text


async def test_a_defect_of_storage_is_told_not_taken_for_a_client_that_left() -> None:
    async with serve(ScriptedBackend(fault=raising("image", OSError("disk")))) as client:
        answer = await client.post("/txt2img", json=BODY, headers={"Accept": "text/event-stream"})
    *_, last, end = answer.text.split("\n\n")
    assert end == ""
    assert json.loads(last.split("\n")[0].removeprefix("data: "))["code"] == "internal"


async def until(lines: Any, last: str) -> Any:
    """The lines up to and with ``last``."""
    async for line in lines:
        yield line
        if line == last:
            return


async def go_away(backend: ScriptedBackend, client: httpx2.AsyncClient, url: str, body: Any, accept: str) -> None:
    """Call, wait until the job is followed, and drop the connection."""
    call = asyncio.create_task(client.post(url, json=body, headers={"Accept": accept}))
    async with asyncio.timeout(10):
        await backend.followed.wait()
    call.cancel()
    await asyncio.wait({call})


async def nobody_follows(backend: ScriptedBackend) -> None:
    async with asyncio.timeout(10):
        await backend.abandoned.wait()
