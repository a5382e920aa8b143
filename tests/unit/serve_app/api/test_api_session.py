"""Sessions of pages: a cookie for a key, good for this service's own pages, for its time, and as long as its key is."""

import time
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx2
import pytest

from serve_app.jobs.caller import Caller
from serve_app.jobs.store import Database, KeyStore
from serve_app.jobs.tokens import new_key, new_session
from tests.unit.serve_app.api.reach import BASE, connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

URL = "/v1/session"
OWN = {"Origin": BASE}


class KeyedBackend(ScriptedBackend):
    """With real keys, in SQL."""

    def __init__(self, keys: KeyStore) -> None:
        super().__init__()
        self.store = keys

    async def identify(self, token: str | None) -> Caller | None:
        return await self.store.identify(token, time.time())


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[KeyedBackend]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/darkroom.db")
    await database.open()
    yield KeyedBackend(KeyStore(database))
    await database.close()


async def new(backend: KeyedBackend, client: str = "alice", *, admin: bool = False) -> tuple[str, str]:
    """(id, key)"""
    made, key = await backend.store.create(client, admin=admin, now=time.time())
    return made.id, key


def cookie(answer: httpx2.Response) -> tuple[str, dict[str, str]]:
    """The value of the cookie that is set, and its attributes."""
    (set_cookie,) = answer.headers.get_list("set-cookie")
    (morsel,) = SimpleCookie(set_cookie).values()
    assert morsel.key == "darkroom_session"
    return morsel.value, {name: value for name, value in morsel.items() if value}


@pytest.mark.parametrize("in_body", [False, True])
async def test_a_key_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get(
    backend: KeyedBackend, in_body: bool
) -> None:
    _, key = await new(backend, admin=True)
    async with connect(backend, session_s=3600) as client:
        shown = {"json": {"key": key}} if in_body else {"headers": {"Authorization": f"Bearer {key}"}}
        answer = await client.post(URL, **shown)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()) == (200, {"client": "alice", "admin": True})
        assert answer.headers["cache-control"] == "no-store"
        _, attributes = cookie(answer)
        assert attributes == {"path": "/", "max-age": "3600", "httponly": True, "samesite": "strict"}
        assert (await client.get(URL)).json() == {"client": "alice", "admin": True}  # by the cookie
        assert (await client.get("/v1/jobs")).status_code == 200


@pytest.mark.parametrize(
    ("base", "headers", "is_secure"),
    [
        ("http://pictures.example", {}, False),
        ("https://pictures.example", {}, True),
        ("http://pictures.example", {"X-Forwarded-Proto": "https"}, True),
    ],
)
async def test_over_https_the_cookie_never_travels_in_the_clear(
    backend: KeyedBackend, base: str, headers: dict[str, str], is_secure: bool
) -> None:
    _, key = await new(backend)
    async with connect(backend, base=base) as client:
        for answer in (
            await client.post(URL, json={"key": key}, headers=headers),
            await client.delete(URL, headers=headers),
        ):
            assert cookie(answer)[1].get("secure", False) is is_secure


async def test_it_holds_for_its_time_and_not_longer(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    async with connect(backend) as client:
        for lasts_s, status in ((60, 200), (-1, 401)):
            session = new_session(key, int(time.time()) + lasts_s)
            answer = await client.get("/v1/jobs", headers={"Cookie": f"darkroom_session={session}"})
            assert answer.status_code == status


async def test_it_ends_with_its_key_and_can_still_be_left_or_renewed(backend: KeyedBackend) -> None:
    key_id, key = await new(backend)
    _, other = await new(backend, "bob")
    async with connect(backend) as client:
        await client.post(URL, json={"key": key})
        await backend.store.revoke(key_id, time.time())
        assert (await client.get(URL)).status_code == 401
        for page in ("/", "/docs", "/openapi.json"):
            assert (await client.get(page)).status_code in {200, 307}  # which asks for another key
        assert (await client.delete(URL, headers=OWN)).status_code == 204
        assert (await client.post(URL, json={"key": other}, headers=OWN)).json()["client"] == "bob"
        assert (await client.get(URL)).json()["client"] == "bob"


async def test_a_wrong_session_is_refused_also_where_anonymous_callers_are_allowed(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    forged = new_session(new_key()[1], int(time.time()) + 60)
    async with connect(backend, allow_anonymous=True) as client:
        for session in (forged, "nonsense", "", new_session(key, 1)):
            answer = await client.get("/v1/jobs", headers={"Cookie": f"darkroom_session={session}"})
            assert answer.status_code == 401
        assert (await client.get("/v1/jobs")).status_code == 200


async def test_signing_out_clears_the_cookie(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    async with connect(backend) as client:
        await client.post(URL, json={"key": key})
        answer = await client.delete(URL, headers=OWN)
        assert (answer.status_code, cookie(answer)[1]["max-age"]) == (204, "0")
        assert (await client.get(URL)).status_code == 401


@pytest.mark.parametrize("allow_anonymous", [False, True])
async def test_a_wrong_key_gets_no_session(backend: KeyedBackend, allow_anonymous: bool) -> None:
    await new(backend)
    async with connect(backend, allow_anonymous=allow_anonymous) as client:
        for key in (new_key()[1], "", "unused", new_session(new_key()[1], 10**10)):
            answer = await client.post(URL, json={"key": key})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "set-cookie" not in answer.headers


async def test_a_session_is_no_key_to_sign_in_with(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    session = new_session(key, int(time.time()) + 60)
    async with connect(backend) as client:
        assert (await client.post(URL, json={"key": session})).status_code == 401
        assert (await client.get(URL, headers={"Authorization": f"Bearer {session}"})).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{}", 422),
        (b'{"key": 7}', 422),
        (b'{"key": "\\ud800"}', 422),
        (b"[" * 4000, 422),
        (b"x" * 10_000, 413),
    ],
)
async def test_another_body_is_refused(backend: KeyedBackend, body: bytes, status: int) -> None:
    await new(backend)
    async with connect(backend) as client:
        answer = await client.post(URL, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        assert (await client.post(URL, content=body, headers={"Content-Type": "text/plain"})).status_code == 415


async def test_no_refusal_repeats_a_key_that_is_in_the_wrong_place(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    async with connect(backend) as client:
        for body in ({"kye": key}, {"key": [key]}, {"key": key, "and": key}, [key], key, {key: 1}):
            answer = await client.post(URL, json=body)
            assert answer.status_code == 422
            assert "dk_" not in answer.text.replace("dk_…", "")


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({"Origin": BASE}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://seen.through.a.proxy"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "https://studio.example"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": BASE}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
async def test_with_a_session_only_own_pages_may_change_something(
    backend: KeyedBackend, headers: dict[str, str], is_let_in: bool
) -> None:
    _, key = await new(backend)
    async with connect(backend, cors_origins=["https://studio.example"]) as client:
        await client.post(URL, json={"key": key})
        answer = await client.post("/v1/jobs", json={"prompt": "a"}, headers=headers)
        assert answer.status_code == (202 if is_let_in else 403)
        assert (await client.get("/v1/jobs", headers=headers)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_other_sites_can_sign_nobody_in_or_out(backend: KeyedBackend, method: str) -> None:
    _, key = await new(backend)
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with connect(backend) as client:
        answer = await client.request(method, URL, json={"key": key}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_key_in_a_header_goes_before_the_cookie(backend: KeyedBackend) -> None:
    _, key = await new(backend)
    _, other = await new(backend, "bob")
    async with connect(backend) as client:
        await client.post(URL, json={"key": key})
        assert (await client.get(URL, headers={"X-API-Key": other})).json()["client"] == "bob"
