"""What an operator reads of a job in the Router's log."""

import logging
from pathlib import Path

import pytest

from serve_app.telemetry.job_lines import log_job
from tests.unit.serve_app.jobs.job_fakes import open_house


async def test_a_job_s_coming_its_losses_and_its_end_are_lines_with_its_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "serve_app.telemetry"):
        async with open_house(tmp_path, observe=log_job) as house:
            job_id = await house.submit("lose 1")
            await house.stream_beating(job_id)
    lines = [record for record in caplog.records if record.name == log_job.__module__]
    assert [(line.levelname, line.__dict__["attempt"]) for line in lines] == [
        ("INFO", None),
        ("WARNING", 1),
        ("INFO", 2),
    ]
    assert all(line.__dict__["job"] == job_id and job_id in line.getMessage() for line in lines)
    assert lines[-1].__dict__["status"] == "succeeded"


async def test_a_failure_is_a_warning_with_its_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "serve_app.telemetry"):
        async with open_house(tmp_path, observe=log_job) as house:
            await house.ended(await house.submit("fail out_of_memory"))
    assert caplog.records[-1].levelname == "WARNING"
    assert caplog.records[-1].__dict__["code"] == "out_of_memory"
