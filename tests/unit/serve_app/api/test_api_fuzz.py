"""The whole OpenAPI document, fuzzed by schemathesis over HTTP, against all of the service but Ray and engines."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.unit.serve_app.api.reach import serve
from tests.unit.serve_app.in_process import whole_service
from tests.unit.serve_app.jobs.job_fakes import House, stats

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")

CONFIG = """
[checks.not_a_server_error]
# what a client may do about: no replica, its own deadline, too large for the device; never 500
expected-statuses = ["2xx", "3xx", "4xx", 503, 504, 507]
"""


@pytest.mark.parametrize(
    ("phases", "examples"),
    [("examples,fuzzing", 5), pytest.param("examples,coverage,fuzzing", 60, marks=pytest.mark.slow)],
)
async def test_no_request_meets_a_defect_an_undocumented_answer_or_silence(
    tmp_path: Path, phases: str, examples: int
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    async with whole_service(tmp_path) as (house, backend), serve(backend) as client:
        beating = asyncio.create_task(beat(house))
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", str(client.base_url.join("openapi.json")), "--checks", ",".join(CHECKS), "--phases", phases),
            *("--max-examples", str(examples), "--seed", "1", "--request-timeout", "10", "--workers", "2"),
            *("--suppress-health-check", "all"),
        ]
        fuzzing = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
        )
        told, _ = await fuzzing.communicate()
        beating.cancel()
    assert fuzzing.returncode == 0, told.decode()[-6000:]


async def beat(house: House) -> None:
    """The replicas' heartbeats, as they come to a Router. Each model has one: what is answered tells the names of all,
    and a job for one without would wait."""
    while True:
        for model in house.fleet.models:
            house.service.heartbeat(model, [stats(model)])
        await asyncio.sleep(0.2)
