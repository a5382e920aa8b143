"""What nobody gets to read: no key in a log or an answer, no traceback and no path in an answer."""

import logging
from pathlib import Path

import pytest

from serve_app.jobs.tokens import key_hash, new_key
from tests.unit.serve_app.api.reach import connect, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, raising
from tests.unit.serve_app.api.whole_service import whole_service


def secrets_of(key: str) -> tuple[str, ...]:
    """What must be nowhere: the key, its secret part, any larger piece of that, and what is kept of it."""
    secret = key.split("_")[2]
    return key, secret, secret[:16], secret[-16:], key_hash(key)


async def test_no_key_is_in_any_log_or_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, wrong = new_key()
    async with whole_service(tmp_path) as service, serve(service) as client:
        right = await service.new_key("alice")
        read = []
        for key in (right, wrong):
            for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}, {"Authorization": f"Basic {key}"}):
                read += [
                    await client.get(path, headers=headers) for path in ("/v1/jobs", "/v1/models", "/", "/nowhere")
                ]
                read.append(await client.post("/v1/jobs", json={"prompt": 7}, headers=headers))
            read.append(await client.get("/v1/jobs", headers={"Idempotency-Key": key, "Last-Event-ID": key}))
            read.append(await client.get("/v1/jobs", headers={"Cookie": f"darkroom_session={key}"}))
            for body in ({"key": key}, {"kye": key}, {"key": [key]}):
                read.append(await client.post("/v1/session", json=body))
        session = client.cookies["darkroom_session"]
        read.append(await client.get("/v1/session"))
        logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert {answer.status_code for answer in read} >= {200, 401, 404, 422}
    for answer in read:
        seen = answer.text + str({name: value for name, value in answer.headers.items() if name != "set-cookie"})
        assert not [secret for key in (right, wrong) for secret in secrets_of(key) if secret in seen]
        assert session not in seen
    assert not [secret for key in (right, wrong) for secret in (*secrets_of(key), session) if secret in logged]


async def test_no_defect_tells_where_or_what_it_is() -> None:
    try:
        (Path("/var/lib/darkroom") / "secret.db").open()
    except OSError as error:
        defect = error
    for method, ask in (
        ("identify", ("GET", "/v1/jobs")),
        ("submit", ("POST", "/v1/jobs")),
        ("submit", ("POST", "/txt2img")),
        ("submit", ("POST", "/v1/images/generations")),
        ("jobs", ("GET", "/v1/jobs")),
        ("get", ("GET", "/v1/jobs/a")),
        ("models", ("GET", "/v1/models")),
        ("models", ("GET", "/health/ready")),
    ):
        async with connect(ScriptedBackend(fault=raising(method, defect))) as client:
            answer = await client.request(*ask, json={"prompt": "a"})
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "internal"
        for word in ("Traceback", "File ", "/var/", "/", "secret", "OSError", "Errno"):
            assert word not in answer.text
