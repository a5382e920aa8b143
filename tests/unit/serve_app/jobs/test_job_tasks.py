import asyncio
import contextvars

from serve_app.jobs.tasks import Tasks

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


async def test_a_task_knows_nothing_of_the_request_that_started_it() -> None:
    tasks = Tasks()
    request_id.set("a request")

    async def read() -> str:
        return request_id.get()

    assert await tasks.spawn(read()) == "none"


async def test_a_task_outlives_the_caller_that_waits_for_it() -> None:
    tasks, go, done = Tasks(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    async def request() -> None:
        await asyncio.shield(tasks.spawn(work()))

    caller = asyncio.create_task(request())
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    go.set()
    await done.wait()


async def test_closing_ends_every_task_also_one_that_takes_its_time() -> None:
    tasks, cleaned = Tasks(), []

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    started = [tasks.spawn(work(number)) for number in range(3)]
    await asyncio.sleep(0)
    await tasks.close()
    assert sorted(cleaned) == [0, 1, 2]
    assert all(task.cancelled() for task in started)
