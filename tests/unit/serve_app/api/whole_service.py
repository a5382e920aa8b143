"""The API over a real job service and real keys, in one process: SQLite, a blob folder, replicas that play a script."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deployments import inputs
from deployments.engine.request import PictureField
from serve_app.api.backend import ModelStatus, WorkerStatus
from serve_app.jobs.activity import Activity, ModelActivity
from serve_app.jobs.caller import Caller, Once, fingerprint
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.job import Job, JobPage, JobRequest
from serve_app.jobs.store import Database, KeyStore
from tests.unit.serve_app.jobs.job_fakes import House, open_house


class WholeService:
    """See the Backend."""

    def __init__(self, house: House, keys: KeyStore, activity: Activity) -> None:
        self.house = house
        self._activity = activity
        self.keys = keys

    async def new_key(self, client: str, *, admin: bool = False) -> str:
        return (await self.keys.create(client, admin=admin, now=time.time()))[1]

    async def identify(self, token: str | None) -> Caller | None:
        return await self.keys.identify(token, time.time())

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        once = None if key is None else Once(key, fingerprint(request))
        generation, _ = await inputs.keep(request.generation, self.house.blobs)
        kept = request.model_copy(update={"generation": generation})
        return await self.house.service.submit(kept, caller, once)

    def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        return self.house.service.follow(job_id, caller, after)

    async def get(self, job_id: str, caller: Caller) -> Job:
        return await self.house.service.get(job_id, caller)

    async def jobs(self, caller: Caller, **wanted: Any) -> JobPage:
        return await self.house.service.jobs(caller, **wanted)

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        return await self.house.service.cancel(job_id, caller)

    async def delete(self, job_id: str, caller: Caller) -> None:
        await self.house.service.delete(job_id, caller)

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        job = await self.get(job_id, caller)
        return job, await self.house.blobs.get(job.image_ref(index).key)

    async def input(self, job_id: str, name: PictureField, caller: Caller) -> tuple[Job, bytes]:
        job = await self.get(job_id, caller)
        return job, await self.house.blobs.get(job.input_ref(name).key)

    async def models(self) -> list[ModelStatus]:
        return await self.house.service.models()

    async def workers(self) -> list[WorkerStatus]:
        return await self.house.service.workers()

    async def activity(self) -> list[ModelActivity]:
        return self._activity.told()


@asynccontextmanager
async def whole_service(data: Path, database: str | None = None) -> AsyncIterator[WholeService]:
    url = database or f"sqlite+aiosqlite:///{data}/darkroom.db"
    activity = Activity(["sd15", "flux-schnell"])
    async with open_house(data, database=url, observe=activity) as house:
        sql = Database(url)
        await sql.open()
        try:
            yield WholeService(house, KeyStore(sql), activity)
        finally:
            await sql.close()
