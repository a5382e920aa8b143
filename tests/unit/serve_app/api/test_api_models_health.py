"""Models, workers, liveness and readiness."""

from dataclasses import replace
from typing import Any

import pytest

from serve_app.api.backend import ModelStatus
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, raising


async def test_models_have_openais_list_shape_plus_capabilities() -> None:
    async with connect(ScriptedBackend()) as client:
        told = (await client.get("/v1/models")).json()
    assert told["object"] == "list"
    first = told["data"][0]
    assert (first["id"], first["object"], first["state"], first["weights"]) == ("sd15", "model", "ready", "demo")
    assert first["capabilities"]["default_size"] == [128, 128]
    assert first["capabilities"]["img2img"] is True


async def test_capabilities_list_the_loras_and_controlnets_that_requests_may_name() -> None:
    backend = ScriptedBackend()
    assert backend.cards[0].id == "sd15"
    backend.cards[0] = backend.cards[0].override({"capabilities": {"lora": True, "loras": ["ink", "oil"]}})
    async with connect(backend) as client:
        capabilities = (await client.get("/v1/models/sd15")).json()["capabilities"]
        assert (capabilities["loras"], capabilities["controlnets"]) == (["ink", "oil"], [])
        body = {"model": "sd15", "operation": "image_generation", "prompt": "a red circle"}
        refused = await client.post("/v1/jobs", json=body | {"loras": [{"name": "chalk"}]})
        assert (await client.post("/v1/jobs", json=body | {"loras": [{"name": "ink"}]})).status_code == 202
    assert refused.status_code == 422
    assert "ink, oil" in refused.json()["error"]["message"]


BOUNDS = [
    ("steps", "max_steps", 1),
    ("width", "max_side", 8),
    ("n", "max_n", 1),
    ("guidance", "max_guidance", 1),
]


@pytest.mark.parametrize(("field", "bound", "more"), BOUNDS)
async def test_what_is_at_a_bound_that_capabilities_tell_is_taken_and_what_is_beyond_is_refused(
    field: str, bound: str, more: int
) -> None:
    async with connect(ScriptedBackend(hold_at=0)) as client:
        most = (await client.get("/v1/models/sd15")).json()["capabilities"][bound]
        body: dict[str, Any] = {"model": "sd15", "prompt": "a red circle", "height": 64}
        assert (await client.post("/v1/jobs", json=body | {field: most})).status_code == 202
        refused = await client.post("/v1/jobs", json=body | {field: most + more})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)


async def test_capabilities_tell_the_defaults_that_a_picture_brings_and_what_kinds_of_files_go_in_and_come_out() -> (
    None
):
    async with connect(ScriptedBackend()) as client:
        able = (await client.get("/v1/models/sd15")).json()["capabilities"]
        flux = (await client.get("/v1/models/flux-schnell")).json()["capabilities"]
    assert (able["default_strength"], able["default_inpaint_strength"]) == (0.75, 1.0)
    assert able["sampler_max_steps"] == {"lcm": 50}
    assert flux["sampler_max_steps"] == {}
    assert able["formats"] == ["png", "jpeg", "webp"]
    assert {"image/png", "image/jpeg", "image/webp"} <= set(able["input_formats"])
    assert (able["max_input_bytes"], able["max_input_pixels"]) == (20 * 2**20, 32_000_000)
    assert (able["max_loras"], able["max_lora_scale"], able["max_prompt_chars"]) == (8, 10.0, 10_000)


class WaitingBackend(ScriptedBackend):
    """Its first model would have a picture in 2.34 s, its second one never."""

    async def models(self) -> list[ModelStatus]:
        first, *others = await super().models()
        return [replace(first, queued=3, running=4, eta_s=2.34), *others]


async def test_a_model_tells_its_load_and_when_a_picture_would_be_there() -> None:
    async with connect(WaitingBackend()) as client:
        first, second = (await client.get("/v1/models")).json()["data"]
    assert (first["queued"], first["running"], first["replicas"], first["eta_s"]) == (3, 4, 1, 2.3)
    assert second["eta_s"] is None


async def test_a_model_is_found_by_id_alias_and_in_any_case() -> None:
    async with connect(ScriptedBackend()) as client:
        for name in ("sd15", "stable-diffusion-v1-5", "SD15"):
            assert (await client.get(f"/v1/models/{name}")).json()["id"] == "sd15"


async def test_an_unknown_model_is_404_and_tells_what_is_served() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.get("/v1/models/some/repository")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert "sd15, flux-schnell" in answer.json()["error"]["message"]


async def test_workers_tell_each_replicas_last_heartbeat() -> None:
    async with connect(ScriptedBackend()) as client:
        (worker,) = (await client.get("/v1/workers")).json()["data"]
    assert (worker["id"], worker["state"], worker["device"], worker["batch"]) == ("r1", "ready", "cpu", 1)
    assert worker["last_heartbeat"] == 1_700_000_000.0
    assert worker["loras"] == ["ink"]


async def test_health_asks_nobody() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert backend.calls == []


async def test_ready_only_when_every_model_is() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        assert (await client.get("/health/ready")).status_code == 200
        backend.state = "starting"
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert answer.json()["models"]["sd15"] == {"state": "starting", "replicas": 1}
    assert answer.json()["models"]["flux-schnell"]["state"] == "ready"


async def test_ready_is_an_error_when_the_service_behind_fails() -> None:
    async with connect(ScriptedBackend(fault=raising("models", RuntimeError("down")))) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
