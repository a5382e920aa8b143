"""What the models do, for anybody with a key."""

from pathlib import Path

from serve_app.jobs.observer import Ended, Submitted
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend
from tests.unit.serve_app.api.test_api_jobs import submit
from tests.unit.serve_app.api.whole_service import whole_service


async def test_every_model_is_told_with_its_buckets_and_their_sum() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        job_id = await submit(client, n=2)
        backend.worked(Submitted(backend._jobs[job_id]))
        backend.worked(Ended(backend._jobs[job_id]))
        told = (await client.get("/v1/activity")).json()
    assert (told["object"], told["bucket_s"]) == ("list", 10.0)
    first, second = told["data"]
    assert (first["model"], second["model"]) == ("sd15", "flux-schnell")
    assert (first["total"]["submitted"], first["total"]["succeeded"], first["total"]["images"]) == (1, 1, 2)
    assert sum(bucket["figures"]["images"] for bucket in first["buckets"]) == 2
    assert second["total"]["wait_p95_s"] is None
    assert second["buckets"][-1]["backlog_s"] is None


async def test_it_tells_of_all_clients_together_and_names_none(tmp_path: Path) -> None:
    async with whole_service(tmp_path) as service:
        for name in ("alice", "bob"):
            key = await service.new_key(name)
            async with connect(service, allow_anonymous=True) as client:
                client.headers["Authorization"] = f"Bearer {key}"
                job_id = await submit(client, prompt=f"ok, a secret of {name}")
                await client.get(f"/v1/jobs/{job_id}/stream")
        async with connect(service, allow_anonymous=True) as client:
            client.headers["Authorization"] = f"Bearer {await service.new_key('carol')}"
            answer = await client.get("/v1/activity")
    assert answer.json()["data"][0]["total"]["submitted"] == 2
    assert not {"alice", "bob", "secret"} & set(answer.text.replace('"', " ").split())
