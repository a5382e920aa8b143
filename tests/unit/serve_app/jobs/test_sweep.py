"""Retention: what is due goes, what belongs to no job goes, and nothing else does."""

import os
import time
from pathlib import Path

import pytest

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone, JobNotFound
from serve_app.jobs.job import Job
from serve_app.jobs.store import Database, JobStore
from serve_app.jobs.sweep import Sweeper
from serve_app.settings import RetentionSettings
from tests.unit.serve_app.jobs.job_fakes import ALICE, House, open_house


async def swept(house: House, **bounds: float | None) -> int:
    retention = RetentionSettings.model_validate({"max_age_s": None, "max_jobs": None, "max_bytes": None} | bounds)
    return await Sweeper(store=house.store, blobs=house.blobs, retention=retention, clock=house.clock).sweep()


async def is_there(house: House, job: Job) -> bool:
    try:
        return bool(await house.blobs.get(job.images[0].key))
    except Gone:
        return False


async def three_jobs(house: House) -> list[Job]:
    jobs = []
    for _ in range(3):
        house.clock.now += 10
        jobs.append(await house.ended(await house.submit()))
    return jobs


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [({}, 3), ({"max_age_s": 15.0}, 2), ({"max_jobs": 1}, 1), ({"max_bytes": 14}, 2), ({"max_bytes": 0}, 0)],
)
async def test_the_newest_jobs_within_every_bound_keep_their_images(
    tmp_path: Path, bounds: dict[str, float], kept: int
) -> None:
    async with open_house(tmp_path) as house:
        jobs = await three_jobs(house)
        assert await swept(house, **bounds) == 3 - kept
        assert [await is_there(house, job) for job in jobs] == [False] * (3 - kept) + [True] * kept
        for job in jobs[: 3 - kept]:
            with pytest.raises(Gone):
                (await house.get(job.id)).image_ref(0)


async def test_a_job_is_forgotten_when_its_time_has_come_and_not_before_its_images_went(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        jobs = await three_jobs(house)
        await swept(house, forget_after_s=15.0)
        assert (await house.get(jobs[0].id)).id == jobs[0].id
        await swept(house, max_jobs=0, forget_after_s=15.0)
        with pytest.raises(JobNotFound):
            await house.get(jobs[0].id)
        assert len((await house.service.jobs(ALICE)).jobs) == 2


async def test_what_belongs_to_no_job_goes_once_it_is_old(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job = await house.ended(await house.submit())
        for key in ("stray/input/x/image", "stray/1/0", "young/1/0"):
            await house.blobs.put(key, b"x", "image/png")
        long_ago = time.time() - 7200
        for path in ("stray/input/x/image", "stray/1/0", job.images[0].key):
            os.utime(tmp_path / "images" / path, (long_ago, long_ago))
        sweeper = Sweeper(store=house.store, blobs=house.blobs, retention=RetentionSettings(), clock=time.time)
        assert await sweeper.sweep_orphans() == 1
        left = sorted([key async for page in house.blobs.listed() for key, _ in page])
        assert left == sorted([job.images[0].key, "young/1/0"])


async def test_an_object_store_is_swept_as_a_folder_is(s3: str, url: str) -> None:
    blobs = BlobStore.open(s3)
    database = Database(url)
    await database.open()
    await blobs.put("stray/1/0", b"x", "image/png")
    sweeper = Sweeper(
        store=JobStore(database), blobs=blobs, retention=RetentionSettings(), clock=lambda: time.time() + 7200
    )
    assert await sweeper.sweep_orphans() == 1
    with pytest.raises(Gone):
        await blobs.get("stray/1/0")
    await database.close()
