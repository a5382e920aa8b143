"""A client under chaos: submits, follows, comes back after every broken connection, and takes the picture."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

TERMINAL: Final = frozenset({"complete", "cancelled", "error"})

PAUSE_S: Final = 0.3
"""Between two tries of a call that met nobody."""

LATER: Final = frozenset({429, 502, 503, 504})
"""Answers that mean: try again."""


class Defect(RuntimeError):
    """The service answered what no client should see."""


def is_for_later(answer: httpx2.Response) -> bool:
    """Whether to try again: the service says so, or Serve's proxy does, in plain text, of an Ingress that was killed in
    the middle of the request."""
    from_proxy = answer.status_code == 500 and not answer.headers.get("content-type", "").endswith("json")
    return from_proxy or answer.status_code in LATER


@dataclass
class Story:
    """What one job's client saw.

    Attributes:
        ends: terminal events, counted by their ids: more than one is a defect.
        ids_ascend: every event's id was higher than the one before, over all connections.
        digest: SHA-256 of the image.
    """

    job_id: str
    ends: Counter[str] = field(default_factory=Counter)
    end_ids: set[str] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)
    resumed_steps: list[int] = field(default_factory=list)
    connections: int = 0
    ids_ascend: bool = True
    digest: str | None = None
    attempts: int = 0


async def live(client: httpx2.AsyncClient, job_id: str, body: dict[str, Any]) -> Story:
    """The life of one job, from its submission under an id of the client's own to its picture."""
    story = Story(job_id)
    await _until_answered(client, "PUT", f"/v1/jobs/{job_id}", json=body)
    last: tuple[int, int] | None = None
    while not story.ends:
        headers = {} if last is None else {"Last-Event-ID": "{}-{}".format(*last)}
        try:
            async with client.stream("GET", f"/v1/jobs/{job_id}/stream", headers=headers) as answer:
                if is_for_later(answer):
                    await asyncio.sleep(PAUSE_S)
                    continue
                if answer.is_error:
                    raise Defect(f"{answer.status_code}: {(await answer.aread()).decode()}")
                story.connections += 1
                async for event_id, event in _events(answer):
                    if last is not None and event_id <= last:
                        story.ids_ascend = False
                    last = event_id
                    _note(story, event_id, event)
        except httpx2.TransportError:
            await asyncio.sleep(PAUSE_S)
    job = (await _until_answered(client, "GET", f"/v1/jobs/{job_id}")).json()
    story.attempts = job["attempt"]
    if job["status"] == "succeeded":
        image = await _until_answered(client, "GET", f"/v1/jobs/{job_id}/images/0")
        story.digest = hashlib.sha256(image.content).hexdigest()
    return story


def _note(story: Story, event_id: tuple[int, int], event: dict[str, Any]) -> None:
    kind = event["event"]
    story.events[kind] += 1
    if kind == "restarted":
        story.resumed_steps.append(event["step"])
    if kind in TERMINAL:
        story.ends[kind] += 1
        story.end_ids.add("{}-{}".format(*event_id))


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[tuple[int, int], dict[str, Any]]]:
    """(id, event) of each whole event of a job stream; what a connection cuts off is not told."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if fields.get("data", "").startswith("{"):
            epoch, _, seq = fields["id"].partition("-")
            yield (int(epoch), int(seq)), json.loads(fields["data"])
        fields = {}


async def _until_answered(client: httpx2.AsyncClient, method: str, url: str, **more: Any) -> httpx2.Response:
    """The answer, however often it takes: every call here may be made twice."""
    while True:
        try:
            answer = await client.request(method, url, **more)
        except httpx2.TransportError:
            await asyncio.sleep(PAUSE_S)
            continue
        if not is_for_later(answer):
            if answer.is_error:
                raise Defect(f"{method} {url}: {answer.status_code}: {answer.text}")
            return answer
        await asyncio.sleep(PAUSE_S)
