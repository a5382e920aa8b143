"""OpenAI's Images API: the stock client parses everything, and the shapes are OpenAI's."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest

from deployments.engine.errors import QueueFull
from serve_app.api.images_stream import spread
from serve_app.jobs.events import Error
from tests.unit.serve_app.api.reach import connect, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture, raising

URL = "/v1/images/generations"


@asynccontextmanager
async def stock_client(backend: ScriptedBackend) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        serve(backend) as http,
        openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0) as client,
    ):
        yield client


async def test_the_stock_client_generates_images() -> None:
    backend = ScriptedBackend()
    async with stock_client(backend) as client:
        answer = await client.images.generate(
            model="sd15",
            prompt="a red circle",
            n=2,
            size="128x192",  # type: ignore[arg-type]
            output_format="webp",
            output_compression=80,
            user="me",
            extra_body={"steps": 4, "seed": 7, "negative_prompt": "blue"},
        )
    assert answer.data is not None
    assert [base64.b64decode(image.b64_json or "") for image in answer.data] == [
        picture(128, 192, "webp", seed) for seed in (7, 8)
    ]
    assert (answer.size, answer.output_format, answer.background) == ("128x192", "webp", "opaque")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0
    generation = backend.submitted[0].generation
    assert (generation.quality, generation.negative_prompt, generation.steps) == (80, "blue", 4)
    assert backend.submitted[0].on_disconnect == "cancel"


async def test_a_url_is_absolute_and_serves_the_image() -> None:
    backend = ScriptedBackend()
    async with serve(backend) as http:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1")
        answer = await client.images.generate(prompt="a", response_format="url", extra_body={"seed": 7})
        await client.close()
        assert answer.data is not None
        url = answer.data[0].url or ""
        assert url.startswith("http://127.0.0.1:")
        assert answer.data[0].b64_json is None
        assert (await http.get(url)).content == picture(128, 128, "png", 7)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
async def test_the_stock_client_streams_partial_images_then_the_image(count: int) -> None:
    async with stock_client(ScriptedBackend(paced=True)) as client:
        stream = await client.images.generate(
            model="sd15", prompt="a", stream=True, partial_images=count, extra_body={"steps": 20, "seed": 7}
        )
        events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.partial_image"] * count + [
        "image_generation.completed"
    ]
    *partials, completed = events
    for index, partial in enumerate(partials):
        assert partial.type == "image_generation.partial_image"
        assert partial.partial_image_index == index
        # the scripted previews are coloured by their step: these are real ones, evenly spread
        assert base64.b64decode(partial.b64_json) == picture(16, 16, "jpeg", spread(count, 20)[1][index])
        assert partial.output_format == "jpeg"
    assert completed.type == "image_generation.completed"
    assert base64.b64decode(completed.b64_json) == picture(128, 128, "png", 7)
    assert (completed.size, completed.background, completed.quality) == ("128x128", "opaque", "medium")
    assert completed.usage.total_tokens == 0


async def test_stream_events_have_event_and_data_lines() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post(URL, json={"prompt": "a", "stream": True, "partial_images": 1})
    first, last = (block.split("\n") for block in answer.text.strip().split("\n\n"))
    assert first[0] == "event: image_generation.partial_image"
    assert last[0] == "event: image_generation.completed"
    assert set(json.loads(last[1].removeprefix("data: "))) == {
        *("type", "b64_json", "created_at", "size", "quality", "background", "output_format", "usage")
    }


@pytest.mark.parametrize(
    ("count", "total", "every", "due"),
    [
        (3, 20, 5, [5, 10, 15]),
        (2, 20, 6, [6, 12]),
        (1, 25, 12, [12]),
        (3, 7, 1, [2, 4, 5]),
        (3, 4, 1, [1, 2, 3]),
        (3, 2, 1, [1, 2]),
        (0, 20, 20, []),
    ],
)
def test_partial_images_are_spread_over_the_steps(count: int, total: int, every: int, due: list[int]) -> None:
    assert spread(count, total) == (every, due)


async def test_with_few_steps_there_are_fewer_partial_images() -> None:
    async with connect(ScriptedBackend(paced=True)) as client:
        body = {"prompt": "a", "stream": True, "partial_images": 3, "steps": 2}
        answer = await client.post(URL, json=body)
    assert answer.text.count("event: image_generation.partial_image") == 2
    assert answer.text.count("event: image_generation.completed") == 1


@pytest.mark.parametrize(
    ("quality", "steps", "told"),
    [
        (None, 25, "medium"),
        ("auto", 25, "medium"),
        ("standard", 25, "medium"),
        ("low", 12, "low"),
        ("high", 38, "high"),
        ("hd", 38, "high"),
    ],
)
async def test_quality_scales_the_models_default_steps(quality: str | None, steps: int, told: str) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        answer = await client.post(URL, json={"prompt": "a", "quality": quality})
        await client.post(URL, json={"prompt": "a", "quality": quality, "steps": 3})
    assert answer.json()["quality"] == told
    assert [request.generation.steps for request in backend.submitted] == [steps, 3]


async def test_size_auto_is_the_models_own() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post(URL, json={"prompt": "a", "size": "auto", "n": None})
    assert answer.json()["size"] == "128x128"


async def test_an_idempotency_key_is_no_matter_here() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post(URL, json={"prompt": "a"}, headers={"Idempotency-Key": "stainless-1"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "param", "status", "code"),
    [
        ({"size": "7x7"}, "size", 422, "invalid_request"),
        ({"size": "0x0"}, "size", 422, "invalid_request"),
        ({"size": "big"}, "size", 422, "invalid_request"),
        ({"n": 0}, "n", 422, "invalid_request"),
        ({"stream": True, "n": 2}, "n", 422, "invalid_request"),
        ({"partial_images": 2}, "partial_images", 422, "invalid_request"),
        ({"partial_images": 4, "stream": True}, "partial_images", 422, "invalid_request"),
        ({"background": "transparent"}, "background", 422, "invalid_request"),
        ({"output_format": "gif"}, "output_format", 422, "invalid_request"),
        ({"sparkle": 1}, "sparkle", 422, "invalid_request"),
        ({"model": "gpt-image-1"}, "model", 404, "model_not_found"),
        ({"model": "gpt-image-1", "quality": "high"}, "model", 404, "model_not_found"),
        ({"model": "flux-schnell", "negative_prompt": "x"}, "negative_prompt", 422, "unsupported_by_model"),
    ],
)
async def test_errors_have_openais_shape(fields: dict[str, object], param: str, status: int, code: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post(URL, json={"prompt": "a"} | fields)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


async def test_the_stock_client_raises_its_own_errors() -> None:
    async with stock_client(ScriptedBackend()) as client:
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            await client.images.generate(prompt="a", extra_body={"steps": 0})
        assert (refused.value.code, refused.value.param) == ("invalid_request", "steps")
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("nope")
        assert missing.value.code == "model_not_found"
    async with stock_client(ScriptedBackend(fault=raising("submit", QueueFull("full", 2)))) as client:
        with pytest.raises(openai.RateLimitError):
            await client.images.generate(prompt="a")


async def test_a_failure_inside_a_stream_reaches_the_stock_client_as_an_error() -> None:
    async with stock_client(ScriptedBackend(fail_with=Error("out_of_memory", "too large"))) as client:
        stream = await client.images.generate(prompt="a", stream=True)
        with pytest.raises(openai.APIError, match="too large") as failed:
            [event async for event in stream]
    assert failed.value.code == "out_of_memory"


async def test_the_stock_client_lists_and_retrieves_models() -> None:
    async with stock_client(ScriptedBackend()) as client:
        listed = [model async for model in client.models.list()]
        found = await client.models.retrieve("v1-5")
    assert [model.id for model in listed] == ["sd15", "flux-schnell"]
    assert (found.id, found.object, found.owned_by, found.created) == ("sd15", "model", "darkroom", 1_700_000_000)
