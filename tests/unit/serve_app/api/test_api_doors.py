"""Who is let in, and as whom: keys, callers without one, pages of other origins, and what is open to all."""

from itertools import product

import httpx2
import openai
import pytest

from serve_app.api.app import create_api
from serve_app.jobs.caller import Caller
from serve_app.jobs.tokens import new_key
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import connect, connect_to, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

_, KEY = new_key()
_, WRONG = new_key()
KEYS = {KEY: Caller("alice", admin=True)}
BEARER = {"Authorization": f"Bearer {KEY}"}
PROTECTED = ("/v1/jobs", "/v1/models", "/v1/activity", "/v1/workers", "/v1/session", "/nothing/here")
PAGES = ("/", "/docs", "/openapi.json")


def error(answer) -> dict[str, str]:  # type: ignore[no-untyped-def]
    return dict(answer.json()["error"])


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"Authorization": f"bearer   {KEY}"},
        {"X-API-Key": KEY},
        {"x-api-key": f" {KEY} "},
        {"Authorization": "Bearer unused", "X-API-Key": KEY},
        {"Authorization": "Basic YTpi", "X-API-Key": KEY},
        BEARER | {"X-API-Key": WRONG},
    ],
)
async def test_a_key_in_a_header_makes_a_request_its_clients(headers: dict[str, str]) -> None:
    async with connect(ScriptedBackend(keys=KEYS), peer="203.0.113.9", base="https://pictures.example") as client:
        assert (await client.get("/v1/session", headers=headers)).json() == {"client": "alice", "admin": True}


async def is_unauthorized(client: httpx2.AsyncClient, path: str, headers: dict[str, str]) -> bool:
    answer = await client.get(path, headers=headers)
    told = answer.status_code, error(answer)["code"], answer.headers["www-authenticate"]
    return told == (401, "unauthorized", "Bearer")


@pytest.mark.parametrize(("keys", "allow_anonymous"), [(KEYS, False), (KEYS, True), ({}, False), ({}, True)])
async def test_a_wrong_key_is_refused_whatever_else_is_allowed(keys: dict[str, Caller], allow_anonymous: bool) -> None:
    wrong = [{"Authorization": f"Bearer {WRONG}"}, {"X-API-Key": WRONG}, {"X-API-Key": "dk_"}]
    async with connect(ScriptedBackend(keys=keys), allow_anonymous=allow_anonymous) as client:
        for path, headers in product((*PROTECTED, *PAGES), wrong):
            assert await is_unauthorized(client, path, headers), (path, headers)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer unused"}, {"Authorization": "Basic YTpi"}])
async def test_where_there_are_keys_nobody_comes_in_without_one(headers: dict[str, str]) -> None:
    async with connect(ScriptedBackend(keys=KEYS)) as client:
        for path in PROTECTED:
            assert await is_unauthorized(client, path, headers), path


async def test_pages_and_probes_are_open_where_there_are_keys() -> None:
    async with connect(ScriptedBackend(keys=KEYS), peer="203.0.113.9", base="https://pictures.example") as client:
        for path in (*PAGES, "/health", "/health/ready"):
            assert (await client.get(path)).status_code in {200, 307}


async def test_probes_are_open_without_asking_who_it_is() -> None:
    async with connect(ScriptedBackend(), peer="10.1.2.3", base="http://10.4.5.6:8000") as client:
        for path in ("/health", "/health/ready"):
            assert (await client.get(path, headers={"Authorization": f"Bearer {WRONG}"})).status_code == 200


@pytest.mark.parametrize(
    ("peer", "base"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("127.8.9.1", "http://localhost"),
        ("::1", "http://[::1]:8000"),
        ("::ffff:127.0.0.1", "http://LocalHost:8000"),
    ],
)
async def test_as_long_as_there_are_no_keys_this_machine_needs_none(peer: str, base: str) -> None:
    async with connect(ScriptedBackend(), peer=peer, base=base) as client:
        for path in PROTECTED[:3] + PAGES:
            assert (await client.get(path)).status_code in {200, 307}
        assert (await client.get("/v1/session")).json() == {"client": f"@{peer}", "admin": False}


@pytest.mark.parametrize(
    ("peer", "base", "headers", "reason"),
    [
        ("10.1.2.3", "http://localhost", {}, "from 10.1.2.3"),
        ("::ffff:10.1.2.3", "http://localhost", {}, "from ::ffff:10.1.2.3"),
        ("not an address", "http://localhost", {}, "from not an address"),
        ("127.0.0.1", "http://evil.example:8000", {}, "loopback"),
        ("127.0.0.1", "http://127.0.0.1.evil.example", {}, "loopback"),
        ("127.0.0.1", "http://localhost.evil.example", {}, "loopback"),
        ("127.0.0.1", "http://10.1.2.3", {}, "loopback"),
        ("127.0.0.1", "http://localhost", {"Host": "["}, "loopback"),
        ("127.0.0.1", "http://localhost", {"Host": ""}, "loopback"),
        ("127.0.0.1", "http://localhost", {"Host": "evil.example@localhost:80:80"}, "loopback"),
        ("127.0.0.1", "http://localhost", {"X-Forwarded-For": "127.0.0.1"}, "x-forwarded-for"),
        ("127.0.0.1", "http://localhost", {"X-Forwarded-Host": "a"}, "x-forwarded-host"),
        ("127.0.0.1", "http://localhost", {"Forwarded": "for=127.0.0.1"}, "forwarded"),
        ("127.0.0.1", "http://localhost", {"X-Real-IP": "127.0.0.1"}, "x-real-ip"),
        ("127.0.0.1", "http://localhost", {"Via": "1.1 proxy"}, "via"),
    ],
)
async def test_others_are_told_what_to_do_as_long_as_there_are_no_keys(
    peer: str, base: str, headers: dict[str, str], reason: str
) -> None:
    async with connect(ScriptedBackend(), peer=peer, base=base) as client:
        for path in PROTECTED + PAGES:
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, error(answer)["code"]) == (403, "forbidden")
            assert reason in error(answer)["message"]
            assert "darkroom keys create" in error(answer)["message"]
            assert "allow_anonymous: true" in error(answer)["message"]


async def test_a_server_that_does_not_know_its_peers_answers_nobody_without_a_key() -> None:
    backend = ScriptedBackend()
    async with connect_to(create_api(backend, ApiSettings(), knows_peers=False)) as client:
        assert (await client.get("/v1/models")).status_code == 403
        backend.keys |= KEYS
        assert (await client.get("/v1/models", headers=BEARER)).status_code == 200


@pytest.mark.parametrize("keys", [KEYS, {}])
async def test_anonymous_callers_come_from_everywhere_where_they_are_allowed(keys: dict[str, Caller]) -> None:
    api = {"allow_anonymous": True, "peer": "203.0.113.9", "base": "https://pictures.example"}
    async with connect(ScriptedBackend(keys=keys), **api) as client:  # type: ignore[arg-type]
        for headers in ({}, {"X-Forwarded-For": "1.2.3.4"}, {"Authorization": "Bearer unused"}):
            told = (await client.get("/v1/session", headers=headers)).json()
            assert told == {"client": "@203.0.113.9", "admin": False}


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
]
OWN = [{}, {"Origin": "http://localhost:8000"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]


@pytest.mark.parametrize("allow_anonymous", [False, True])
@pytest.mark.parametrize("headers", FOREIGN)
async def test_pages_of_other_origins_can_not_use_a_service_that_needs_no_key(
    headers: dict[str, str], allow_anonymous: bool
) -> None:
    backend = ScriptedBackend()
    async with connect(backend, allow_anonymous=allow_anonymous) as client:
        for method, path in (
            ("POST", "/v1/jobs"),
            ("POST", "/txt2img"),
            ("DELETE", "/v1/jobs/a"),
            ("PUT", "/v1/jobs/a"),
        ):
            answer = await client.request(method, path, headers=headers, json={"prompt": "a"})
            assert (answer.status_code, error(answer)["code"]) == (403, "forbidden")
        assert backend.calls == []


@pytest.mark.parametrize("headers", OWN)
async def test_own_pages_and_programs_can(headers: dict[str, str]) -> None:
    async with connect(ScriptedBackend()) as client:
        assert (await client.post("/v1/jobs", headers=headers, json={"prompt": "a"})).status_code == 202


@pytest.mark.parametrize("origins", [["https://studio.example"], ["*"]])
async def test_so_can_pages_of_origins_that_cors_allows(origins: list[str]) -> None:
    headers = {"Origin": "https://studio.example", "Sec-Fetch-Site": "cross-site"}
    async with connect(ScriptedBackend(), cors_origins=origins) as client:
        assert (await client.post("/v1/jobs", headers=headers, json={"prompt": "a"})).status_code == 202


@pytest.mark.parametrize("headers", FOREIGN)
async def test_whoever_shows_a_key_may_be_any_page(headers: dict[str, str]) -> None:
    async with connect(ScriptedBackend(keys=KEYS)) as client:
        assert (await client.post("/v1/jobs", headers=headers | BEARER, json={"prompt": "a"})).status_code == 202


async def test_refusals_at_the_door_have_the_shape_of_the_dialect() -> None:
    async with connect(ScriptedBackend(keys=KEYS)) as client:
        for path in ("/v1/images/generations", "/v1/models"):
            answer = await client.post(path, json={"prompt": "a"}) if "images" in path else await client.get(path)
            assert set(error(answer)) == {"message", "type", "param", "code"}
        assert set(error(await client.get("/v1/jobs"))) == {"code", "message"}


async def test_the_stock_openai_client_comes_in_with_a_right_key_and_raises_its_own_error_with_a_wrong_one() -> None:
    async with serve(ScriptedBackend(keys=KEYS)) as http:
        for key, is_right in ((KEY, True), (WRONG, False), ("unused", False), ("sk-proj-1234", False)):
            client = openai.AsyncOpenAI(api_key=key, base_url=f"{http.base_url}/v1", max_retries=0)
            async with client:
                if is_right:
                    assert (await client.images.generate(prompt="a", extra_body={"steps": 2})).data
                    continue
                with pytest.raises(openai.AuthenticationError) as refused:
                    await client.images.generate(prompt="a")
                assert refused.value.code == "unauthorized"
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()


async def test_the_stock_openai_client_needs_no_real_key_where_none_is_needed() -> None:
    async with serve(ScriptedBackend()) as http:
        client = openai.AsyncOpenAI(api_key="unused", base_url=f"{http.base_url}/v1", max_retries=0)
        async with client:
            assert (await client.models.list()).data


async def test_a_body_is_not_read_before_its_sender_is_let_in() -> None:
    async def body():  # type: ignore[no-untyped-def]
        raise AssertionError("the body was read")
        yield b""

    async with connect(ScriptedBackend(keys=KEYS)) as client:
        answer = await client.post("/v1/jobs", content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


async def test_the_same_doors_are_open_below_a_prefix() -> None:
    api = create_api(ScriptedBackend(keys=KEYS), ApiSettings())
    transport = httpx2.ASGITransport(api, root_path="/pictures", client=("203.0.113.9", 123))
    async with httpx2.AsyncClient(transport=transport, base_url="https://example.com") as client:
        assert (await client.get("/pictures/health")).status_code == 200
        assert "url: '/pictures/openapi.json'" in (await client.get("/pictures/docs")).text
        assert (await client.get("/pictures/")).headers["location"] == "/pictures/docs"
        for path in ("/pictures/v1/jobs", "/pictures/health/v1/jobs", "/pictures//health/../v1/jobs"):
            assert (await client.get(path)).status_code == 401
        assert set(error(await client.get("/pictures/v1/models"))) == {"message", "type", "param", "code"}
