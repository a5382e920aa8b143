"""Log lines: JSON, one object each, that say which job they are about."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deployments.telemetry.context import about
from deployments.telemetry.lines import JsonLines, StampConcern


class Log:
    """A logger of a test's own and what it wrote."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(JsonLines("Router", "abc"))
        handler.addFilter(StampConcern())
        self.logger = logging.Logger("serve_app.test", logging.INFO)
        self.logger.addHandler(handler)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    yield Log()


def test_a_line_tells_when_who_where_and_what(log: Log) -> None:
    log.logger.warning("model %s: two\nlines, and ünïcode", "sd15")
    (line,) = log.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "WARNING",
        "logger": "serve_app.test",
        "message": "model sd15: two\nlines, and ünïcode",
        "deployment": "Router",
        "replica": "abc",
    }


def test_an_exception_is_a_field_of_its_line(log: Log) -> None:
    try:
        raise ValueError("no luck")
    except ValueError:
        log.logger.exception("it failed")
    (line,) = log.lines()
    assert line["message"] == "it failed"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: no luck")


async def test_a_line_tells_the_job_that_its_task_is_about_and_no_other_does(log: Log) -> None:
    async def work(job: str, attempt: int | None) -> None:
        about(job, attempt)
        await asyncio.sleep(0)
        log.logger.info("%s", job)
        await asyncio.create_task(deeper(job))

    async def deeper(job: str) -> None:
        log.logger.info("deeper in %s", job)

    await asyncio.gather(
        *(asyncio.create_task(work(job, attempt)) for job, attempt in (("one", 1), ("two", 2), ("three", None)))
    )
    log.logger.info("none")
    told = {line["message"]: (line.get("job"), line.get("attempt")) for line in log.lines()}
    assert told == {
        "one": ("one", 1),
        "deeper in one": ("one", 1),
        "two": ("two", 2),
        "deeper in two": ("two", 2),
        "three": ("three", None),
        "deeper in three": ("three", None),
        "none": (None, None),
    }


async def test_what_a_line_says_itself_goes_before_its_task(log: Log) -> None:
    about("mine", 3)
    log.logger.info("said", extra={"job": "another", "code": "conflict"})
    (line,) = log.lines()
    assert (line["job"], line["code"]) == ("another", "conflict")
    assert "attempt" not in line


def test_what_nobody_meant_to_log_stays_out(log: Log) -> None:
    log.logger.info("a call", extra={"authorization": "Bearer secret", "status": "ok"})
    (line,) = log.lines()
    assert line["status"] == "ok"
    assert "secret" not in json.dumps(line)
