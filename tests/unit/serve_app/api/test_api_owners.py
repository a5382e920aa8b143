"""Whose jobs a caller sees: through every route, its own alone; an admin everybody's."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from serve_app.api.app import create_api
from serve_app.api.pictures import EXAMPLE_PICTURE, decoded
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import UNBUILT, connect_to
from tests.unit.serve_app.api.whole_service import WholeService, whole_service

WAITING = {"model": "sd15", "prompt": "wait", "steps": 3}


@dataclass
class Callers:
    """One client of the API for each kind of caller."""

    service: WholeService
    alice: httpx2.AsyncClient
    alices_other_key: httpx2.AsyncClient
    bob: httpx2.AsyncClient
    admin: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    another_anonymous: httpx2.AsyncClient


@pytest.fixture
async def callers(tmp_path: Path) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(whole_service(tmp_path))
        api = create_api(service, ApiSettings(), allow_anonymous=True, static=UNBUILT)

        async def client(name: str | None, *, admin: bool = False, peer: str = "203.0.113.9") -> httpx2.AsyncClient:
            made = await stack.enter_async_context(connect_to(api, peer=peer))
            if name is not None:
                made.headers["Authorization"] = f"Bearer {await service.new_key(name, admin=admin)}"
            return made

        yield Callers(
            service,
            alice=await client("alice"),
            alices_other_key=await client("alice"),
            bob=await client("bob"),
            admin=await client("root", admin=True),
            anonymous=await client(None),
            another_anonymous=await client(None, peer="203.0.113.10"),
        )


async def submit(client: httpx2.AsyncClient, **changes: object) -> str:
    answer = await client.post("/v1/jobs", json=WAITING | changes)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def finished(client: httpx2.AsyncClient) -> str:
    job_id = await submit(client, prompt="ok", image=EXAMPLE_PICTURE)
    await client.get(f"/v1/jobs/{job_id}/stream")  # to its end
    return job_id


async def listed(client: httpx2.AsyncClient) -> set[str]:
    return {job["job_id"] for job in (await client.get("/v1/jobs")).json()["jobs"]}


ROUTES = [
    ("GET", "/v1/jobs/{id}"),
    ("GET", "/v1/jobs/{id}/stream"),
    ("GET", "/v1/jobs/{id}/images/0"),
    ("HEAD", "/v1/jobs/{id}/images/0"),
    ("GET", "/v1/jobs/{id}/inputs/image"),
    ("POST", "/v1/jobs/{id}/cancel"),
    ("DELETE", "/v1/jobs/{id}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_another_clients_job_is_as_if_there_were_none(callers: Callers, method: str, path: str) -> None:
    for job_id in (await submit(callers.alice), await finished(callers.alice)):
        for other in (callers.bob, callers.anonymous):
            theirs = await other.request(method, path.format(id=job_id))
            nobodys = await other.request(method, path.format(id="nobodys"))
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.text.replace(job_id, "nobodys") == nobodys.text
        assert (await callers.alice.get(f"/v1/jobs/{job_id}")).json()["status"] in {"running", "queued", "succeeded"}


@pytest.mark.parametrize("who", ["alice", "alices_other_key", "admin"])
async def test_the_owner_with_any_of_its_keys_and_an_admin_reach_everything(callers: Callers, who: str) -> None:
    client: httpx2.AsyncClient = getattr(callers, who)
    job_id = await finished(callers.alice)
    assert (await client.get(f"/v1/jobs/{job_id}")).json()["status"] == "succeeded"
    assert "[DONE]" in (await client.get(f"/v1/jobs/{job_id}/stream")).text
    assert (await client.get(f"/v1/jobs/{job_id}/images/0")).content == b"picture"
    assert (await client.get(f"/v1/jobs/{job_id}/inputs/image")).content == decoded("image", EXAMPLE_PICTURE)
    waiting = await submit(callers.alice)
    assert (await client.post(f"/v1/jobs/{waiting}/cancel")).json()["status"] == "cancelled"
    for job in (job_id, waiting):
        assert (await client.delete(f"/v1/jobs/{job}")).status_code == 204
        assert (await callers.alice.get(f"/v1/jobs/{job}")).status_code == 404


async def test_the_list_holds_own_jobs_and_an_admins_all(callers: Callers) -> None:
    alices, bobs, nobodys = [await submit(one) for one in (callers.alice, callers.bob, callers.anonymous)]
    assert await listed(callers.alice) == await listed(callers.alices_other_key) == {alices}
    assert await listed(callers.bob) == {bobs}
    assert await listed(callers.admin) == {alices, bobs, nobodys}


async def test_anonymous_callers_see_each_others_jobs_and_no_clients(callers: Callers) -> None:
    mine = await submit(callers.anonymous)
    await submit(callers.alice)
    assert await listed(callers.another_anonymous) == {mine}
    assert (await callers.another_anonymous.get(f"/v1/jobs/{mine}")).status_code == 200


async def test_an_id_that_another_client_has_is_taken_and_nothing_more_is_told(callers: Callers) -> None:
    body = WAITING | {"prompt": "wait for the secret"}
    assert (await callers.alice.put("/v1/jobs/chosen", json=body)).status_code == 202
    for other in (callers.bob, callers.anonymous):
        same, different = [await other.put("/v1/jobs/chosen", json=one) for one in (body, WAITING)]
        assert same.status_code == different.status_code == 409
        assert same.text == different.text  # nobody learns by asking what the other one asked for
        assert same.json()["error"]["code"] == "conflict"
        assert not {"secret", "alice"} & set(json.dumps(same.json()).replace('"', " ").split())
    assert (await callers.alice.put("/v1/jobs/chosen", json=body)).json()["job_id"] == "chosen"


async def test_an_idempotency_key_is_each_clients_own(callers: Callers) -> None:
    headers = {"Idempotency-Key": "the-same"}
    jobs = [
        (await client.post("/v1/jobs", json=WAITING, headers=headers)).json()["job_id"]
        for client in (callers.alice, callers.bob, callers.alices_other_key)
    ]
    assert jobs[0] == jobs[2] != jobs[1]
