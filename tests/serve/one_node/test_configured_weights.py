"""What settings say of weights reaches the replicas: a checkpoint with LoRAs and ControlNets, and a quantised model."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
from PIL import Image

from deployments.demo import demo_folder
from deployments.engine import Engine, GenerationRequest
from tests.serve.service import Node, Service, eventually, service
from tests.unit.deployments.engine.gallery import photo
from tests.unit.deployments.engine.lora_files import write_diffusers
from tests.unit.deployments.engine.original_layout import write_checkpoint
from tests.unit.deployments.engine.test_controlnet import write_controlnet


@pytest.fixture(scope="module")
def models(data: Path) -> list[dict[str, Any]]:
    folder = demo_folder("sd15")
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder)
    write_checkpoint(pipeline, data / "sd15.safetensors")
    write_controlnet(pipeline, data / "edges", seed=1)
    (data / "loras").mkdir()
    write_diffusers(pipeline, data / "loras", "ink")
    return [
        {
            "id": "sd15",
            "weights": str(data / "sd15.safetensors"),
            "base": str(folder),
            "loras": str(data / "loras"),
            "controlnets": {"edges": str(data / "edges")},
            "vae": "sliced",
        },
        {"id": "flux-schnell", "weights": "demo", "quantize": "int8", "quantize_text": "fp8", "offload": "group"},
    ]


@pytest.fixture(scope="module")
def darkroom(node: Node, data: Path, models: list[dict[str, Any]]) -> Iterator[Service]:
    application = {
        "name": "darkroom",
        "import_path": "serve_app:build",
        "route_prefix": "/",
        "args": {"data": str(data), "models": models},
    }
    with service(node, {"applications": [application]}) as running:
        eventually(lambda: running.http.get("/health/ready").is_success)
        yield running


def encoded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def painted(darkroom: Service, **body: Any) -> np.ndarray[Any, Any]:
    answer = darkroom.http.post("/txt2img", json=body, headers={"Accept": "image/png"})
    assert answer.is_success, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_models_tell_what_can_be_asked_of_them(darkroom: Service) -> None:
    def names() -> Any:
        able = darkroom.http.get("/v1/models/sd15").json()["capabilities"]
        return able["loras"], able["controlnets"], able["controlnet"], able["lora"]

    eventually(lambda: names() == (["ink"], ["edges"], True, True))
    able = darkroom.http.get("/v1/models/flux-schnell").json()["capabilities"]
    assert (able["lora"], able["controlnet"], able["loras"], able["controlnets"]) == (False, False, [], [])


def test_a_picture_by_http_is_the_librarys_own(darkroom: Service, models: list[dict[str, Any]]) -> None:
    wish = {
        "prompt": "a boat on the sea",
        "seed": 7,
        "steps": 4,
        "width": 128,
        "height": 128,
        "loras": [{"name": "ink", "scale": 0.5}],
    }
    settings = {name: value for name, value in models[0].items() if name != "id"}
    with Engine.load("sd15", device="cpu", **settings) as engine:
        for control in ({}, {"control_scale": 0.8, "control_end": 0.7}):
            given = control and {"control_image": photo(5), **control}
            sent = control and {"control_image": encoded(photo(5)), **control}
            ours = np.asarray(engine.generate(GenerationRequest.model_validate(wish | given)).images[0]).astype(int)
            theirs = painted(darkroom, model="sd15", **wish, **sent)
            assert np.abs(ours - theirs).max() <= 1  # another process may have other threads


def test_a_quantised_model_that_waits_in_cpu_memory_paints(darkroom: Service) -> None:
    assert painted(darkroom, model="flux-schnell", prompt="a red circle", seed=1).std() > 10


def test_a_model_without_control_nets_says_so(darkroom: Service) -> None:
    body = {"model": "flux-schnell", "prompt": "a boat", "control_image": encoded(photo(5))}
    answer = darkroom.http.post("/txt2img", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unsupported_by_model"
    assert "ControlNet" in answer.json()["error"]["message"]
