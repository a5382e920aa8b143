"""Pictures that clients send, by whatever door: files, base64, data URLs; to start from and to repaint a part of."""

import asyncio
import base64
import io
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image

from deployments.engine.pictures import Picture
from tests.unit.serve_app.api.reach import connect, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

BODY: dict[str, Any] = {"prompt": "a boat", "steps": 4, "seed": 7}


def png(size: tuple[int, int] = (160, 120), mode: str = "RGB", colour: Any = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sources(backend: ScriptedBackend) -> tuple[bytes | None, bytes | None]:
    """What the newest job was given as image and mask."""
    generation = backend.submitted[-1].generation
    given = (generation.image, generation.mask)
    return tuple(one.encoded() if isinstance(one, Picture) else None for one in given)  # type: ignore[return-value]


@pytest.fixture
def with_controlnet() -> ScriptedBackend:
    """A service whose sd15 has two ControlNets."""
    backend = ScriptedBackend()
    abilities = {"controlnet": True, "controlnets": ["edges", "depth"]}
    backend.cards[0] = backend.cards[0].override({"capabilities": abilities})
    return backend


@pytest.mark.parametrize("route", ["/txt2img", "/img2img", "/inpaint"])
async def test_every_operation_takes_a_control_image(route: str, with_controlnet: ScriptedBackend) -> None:
    pictures = {"/txt2img": (), "/img2img": ("image",), "/inpaint": ("image", "mask")}[route]
    body = BODY | {name: text(png()) for name in (*pictures, "control_image")}
    async with connect(with_controlnet) as client:
        answer = await client.post(route, json=body | {"controlnet": "depth", "control_scale": 0.7, "control_end": 0.5})
        assert answer.is_success, answer.text
        job = (await client.get(f"/v1/jobs/{answer.json()['job_id']}")).json()
    generation = with_controlnet.submitted[-1].generation
    assert isinstance(generation.control_image, Picture)
    told = ("depth", 0.7, 0.0, 0.5)
    assert (generation.controlnet, generation.control_scale, generation.control_start, generation.control_end) == told
    assert job["request"]["control_image"] == {"width": 160, "height": 120}


async def test_a_control_image_may_be_a_file_of_a_form(with_controlnet: ScriptedBackend) -> None:
    async with connect(with_controlnet) as client:
        answer = await client.post(
            "/txt2img", data={"prompt": "a boat", "control_scale": "0.5"}, files={"control_image": ("e.png", png())}
        )
    assert answer.is_success, answer.text
    generation = with_controlnet.submitted[-1].generation
    assert (generation.controlnet, generation.control_scale) == ("edges", 0.5)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"control_scale": 0.5}, "invalid_request", "control_scale"),
        ({"control_image": text(png()), "controlnet": "pose"}, "invalid_request", "controlnet"),
        ({"control_image": text(png()), "control_end": 0}, "invalid_request", "control_end"),
        ({"control_image": text(b"no picture")}, "invalid_request", "control_image"),
        ({"control_image": text(png()), "model": "flux-schnell"}, "unsupported_by_model", "control_image"),
    ],
    ids=str,
)
async def test_a_wrong_control_is_refused_by_name(
    fields: dict[str, Any], code: str, field: str, with_controlnet: ScriptedBackend
) -> None:
    async with connect(with_controlnet) as client:
        answer = await client.post("/txt2img", json=BODY | fields)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert field in answer.json()["error"]["message"]


@pytest.mark.parametrize("written", ["{}", "data:image/png;base64,{}", "DATA:image/png;charset=utf-8;BASE64,{}"])
async def test_json_holds_pictures_in_base64_or_as_data_urls(written: str) -> None:
    backend, image, mask = ScriptedBackend(), png(), png(mode="L", colour=255)
    async with connect(backend) as client:
        body = BODY | {"image": written.format(text(image)), "mask": written.format(text(mask))}
        answer = await client.post("/inpaint", json=body)
    assert answer.is_success, answer.text
    assert sources(backend) == (image, mask)
    assert backend.submitted[-1].operation == "image_inpaint"
    assert backend.submitted[-1].on_disconnect == "cancel"


async def test_a_form_holds_pictures_as_files_and_everything_else_as_text() -> None:
    backend, image = ScriptedBackend(), png()
    fields = {"prompt": "20", "steps": "6", "strength": "0.5", "guidance_scale": "2", "metadata": '{"a": [1]}'}
    async with connect(backend) as client:
        answer = await client.post("/img2img", data=fields, files={"image": ("a.png", image, "image/png")})
    assert answer.is_success, answer.text
    request = backend.submitted[-1]
    assert (request.operation, request.metadata) == ("image_transform", {"a": [1]})
    generation = request.generation
    assert (generation.prompt, generation.steps, generation.strength, generation.guidance) == ("20", 6, 0.5, 2)
    assert (generation.width, generation.height) == (160, 120)
    assert sources(backend) == (image, None)


async def test_the_job_api_takes_both_and_tells_the_pictures_sizes() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        for kwargs in (
            {"json": BODY | {"operation": "image_transform", "image": text(png())}},
            {"data": {"prompt": "a boat"}, "files": {"image": png()}},
        ):
            answer = await client.post("/v1/jobs", **kwargs)
            assert answer.status_code == 202, answer.text
            job = (await client.get(answer.json()["status_url"])).json()
            assert job["operation"] == "image_transform"
            assert job["request"]["image"] == {"width": 160, "height": 120}
            assert "mask" not in job["request"]


@pytest.mark.parametrize(
    ("route", "fields", "field"),
    [
        ("/img2img", {}, "image"),
        ("/img2img", {"image": "AAAA"}, "image"),
        ("/img2img", {"image": "no base64!"}, "image"),
        ("/img2img", {"image": "https://example.org/a.png"}, "image"),
        ("/img2img", {"image": "data:image/png,raw"}, "image"),
        ("/img2img", {"image": text(png()), "mask": text(png())}, "mask"),
        ("/img2img", {"image": text(png()), "strength": 0.0}, "strength"),
        ("/img2img", {"image": text(png()), "operation": "image_generation"}, "operation"),
        ("/img2img", {"image": 7}, "image"),
        ("/inpaint", {"image": text(png())}, "mask"),
        ("/inpaint", {"mask": text(png())}, "image"),
        ("/inpaint", {"image": text(png()), "mask": text(png()[:60])}, "mask"),
        ("/txt2img", {"image": text(png())}, "image"),
        ("/txt2img", {"strength": 0.5}, "strength"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(route: str, fields: dict[str, Any], field: str) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        answer = await client.post(route, json=BODY | fields)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert len(answer.content) < 1000
    assert backend.submitted == []


@pytest.mark.parametrize(
    ("data", "files", "field"),
    [
        ({}, [("image", png())], "prompt"),
        ({"prompt": "a"}, [("image", b"")], "image"),
        ({"prompt": "a"}, [("image", png()), ("image", png())], "image"),
        ({"prompt": "a"}, [("picture", png())], "picture"),
        ({"prompt": "a", "steps": "many"}, [("image", png())], "steps"),
        ({"prompt": ["a", "b"]}, [("image", png())], "prompt"),
        ({"prompt": "a", "colour": "red"}, [("image", png())], "colour"),
        ({"prompt": "a", "n": "[" * 100_000}, [("image", png())], "n"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused_by_name(
    data: dict[str, Any], files: list[tuple[str, bytes]], field: str
) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/img2img", data=data, files=files)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_a_broken_form_is_a_typed_error(content_type: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/img2img", content=b"--x\r\nnonsense", headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"


async def test_uploads_are_bounded_together_and_the_bound_is_given_back() -> None:
    blocked = asyncio.Event()

    async def slow() -> Any:
        yield b" " * 1500
        await blocked.wait()
        yield b"{}"

    json = {"Content-Type": "application/json"}
    async with serve(ScriptedBackend(), max_body_bytes=4096, max_held_bytes=2048) as client:
        first = asyncio.create_task(client.post("/txt2img", content=slow(), headers=json))
        second = httpx2.Response(200)
        while second.status_code != 429:  # until the first one's bytes have arrived
            second = await client.post("/txt2img", content=b" " * 1000, headers=json)
        assert second.json()["error"]["code"] == "queue_full"
        assert int(second.headers["retry-after"]) >= 1
        blocked.set()
        assert (await first).status_code == 422
        assert (await client.post("/txt2img", content=b" " * 1000, headers=json)).status_code == 422


async def test_the_stock_client_edits_under_a_transparent_mask() -> None:
    backend, image, mask = ScriptedBackend(), png(), png(mode="RGBA", colour=(0, 0, 0, 0))
    async with serve(backend) as http:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0)
        answer = await client.images.edit(
            model="sd15", image=image, mask=mask, prompt="a boat", extra_body={"steps": 4, "seed": 7}
        )
        await client.close()
    assert answer.data is not None
    assert answer.size == "160x120"
    request = backend.submitted[-1]
    assert request.operation == "image_generation"  # the service's admission tells it by the pictures
    generation = request.generation
    assert isinstance(generation.mask, Picture)
    assert generation.mask.grey().getextrema() == (255, 255)
    assert (generation.steps, generation.strength) == (4, 1.0)


async def test_the_stock_client_streams_an_edit() -> None:
    async with serve(ScriptedBackend(paced=True)) as http:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0)
        stream = await client.images.edit(
            model="sd15", image=png(), prompt="a boat", stream=True, partial_images=2, extra_body={"steps": 20}
        )
        events = [event.type async for event in stream]
        await client.close()
    assert events == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]


async def test_the_stock_client_with_several_images_is_told_that_one_is_taken() -> None:
    async with serve(ScriptedBackend()) as http:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0)
        with pytest.raises(openai.UnprocessableEntityError, match="several") as refused:
            await client.images.edit(model="sd15", image=[png(), png()], prompt="a boat")
        await client.close()
    assert refused.value.param == "image"


async def test_an_edit_of_a_picture_that_is_itself_transparent_repaints_it_there() -> None:
    backend = ScriptedBackend()
    picture = Image.new("RGBA", (160, 120), "teal")
    picture.paste((0, 0, 0, 0), (0, 0, 80, 120))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    async with connect(backend) as client:
        answer = await client.post("/v1/images/edits", data={"prompt": "a boat"}, files={"image": buffer.getvalue()})
    assert answer.is_success, answer.text
    mask = backend.submitted[-1].generation.mask
    assert isinstance(mask, Picture)
    assert (mask.grey().getpixel((10, 10)), mask.grey().getpixel((150, 10))) == (255, 0)


async def test_an_edit_in_openais_json_holds_data_urls() -> None:
    backend = ScriptedBackend()
    url = f"data:image/png;base64,{text(png())}"
    async with connect(backend) as client:
        answer = await client.post("/v1/images/edits", json={"prompt": "a", "images": [{"image_url": url}]})
        assert answer.is_success, answer.text
        assert sources(backend) == (png(), None)
        answer = await client.post("/v1/images/edits", json={"prompt": "a"})
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == "image"
