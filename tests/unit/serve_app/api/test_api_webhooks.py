"""A webhook on the wire: what a client sends is what the job has."""

from typing import Any

import pytest

from serve_app.jobs.job import Webhook
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

BODY = {"model": "sd15", "prompt": "a red circle"}
URL = "https://receiver.example/jobs"


@pytest.mark.parametrize("route", ["/v1/jobs", "/txt2img"])
async def test_a_job_has_the_webhook_that_its_client_sent(route: str) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        for webhook in ({"url": URL}, {"url": URL, "events": ["started", "error"]}, None):
            answer = await client.post(route, json=BODY | {"webhook": webhook})
            assert answer.is_success, answer.text
    assert [request.webhook for request in backend.submitted] == [
        Webhook(url=URL, events=("complete", "error", "cancelled")),
        Webhook(url=URL, events=("started", "error")),
        None,
    ]


async def test_a_form_has_the_webhook_as_json() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        parts = {"model": (None, "sd15"), "prompt": (None, "a red circle"), "webhook": (None, f'{{"url": "{URL}"}}')}
        answer = await client.post("/v1/jobs", files=parts)
        assert answer.is_success, answer.text
    assert [request.webhook for request in backend.submitted] == [Webhook(url=URL)]


@pytest.mark.parametrize(
    ("webhook", "field"),
    [
        ({"events": ["complete"]}, "webhook.url"),
        ({"url": ""}, "webhook.url"),
        ({"url": "https://" + "a" * 2000}, "webhook.url"),
        ({"url": URL, "events": []}, "webhook.events"),
        ({"url": URL, "events": ["progress"]}, "webhook.events.0"),
        ({"url": URL, "secret": "mine"}, "webhook.secret"),
        (URL, "webhook"),
    ],
)
async def test_a_webhook_that_is_none_is_refused_by_name(webhook: Any, field: str) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        answer = await client.post("/v1/jobs", json=BODY | {"webhook": webhook})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert backend.submitted == []
