"""The example of a receiver takes what is signed, once, and nothing else."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.sender import Answer, Sender
from serve_app.settings import WebhookSettings

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhook_receiver.py"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
BODY = '{"type":"job.complete","data":{"job_id":"a","images":[{"path":"/v1/jobs/a/images/0"}]}}'


@pytest.fixture
def example() -> Iterator[subprocess.Popen[str]]:
    environ = os.environ | {"DARKROOM_WEBHOOK_SECRET": SECRET, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, EXAMPLE, "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        try:
            yield run
        finally:
            run.terminate()


def send(url: str, secret: str) -> Answer:
    async def at_home(host: str, port: int) -> list[IPv4Address]:
        return [IPv4Address("127.0.0.1")]

    sender = Sender(WebhookSettings.model_validate({"secret": secret, "allow_private": True}), at_home)
    return asyncio.run(sender.send(Delivery("msg_1", "sd15", "a", url, "127.0.0.1", BODY, 0, 1.0, 1.0), time.time()))


def test_the_example_takes_what_is_signed_once_and_refuses_the_rest(example: subprocess.Popen[str]) -> None:
    assert example.stdout is not None
    url = example.stdout.readline().strip()
    assert send(url, SECRET.replace("Mf", "Nf")).status == 401
    assert [send(url, SECRET).status for _ in range(2)] == [204, 204]
    example.terminate()
    assert example.stdout.read().splitlines() == ["job.complete a /v1/jobs/a/images/0"]
