"""The list by the text of prompts: what is found, how much is looked at, and pages of several Routers made one."""

from collections.abc import AsyncIterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.jobs import cursor as cursors
from serve_app.jobs.caller import Caller
from serve_app.jobs.job import Job, JobPage, JobStatus
from serve_app.jobs.paging import merged
from serve_app.jobs.store import Database, JobStore, Models
from serve_app.jobs.store.pages import Wanted, read_page
from tests.unit.serve_app.jobs.job_fakes import ALICE, wish

EVERYTHING = Models.but()


def job(job_id: str, created_at: float = 1.0, prompt: str = "", client: str = "alice") -> Job:
    return Job(job_id, wish(prompt, id=job_id), JobStatus.QUEUED, 0, created_at, client=client)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    yield database
    await database.close()


async def stored(database: Database, *jobs: Job) -> None:
    store = JobStore(database)
    await store.take(["sd15"])
    for one in jobs:
        await store.insert(one)


async def found(database: Database, text: str, caller: Caller = ALICE) -> list[str]:
    page = await read_page(database, Wanted(caller, EVERYTHING, text=text), limit=100, cursor=None)
    return [one.id for one in page.jobs]


PROMPTS = {
    "a Red circle": "RED CIR",
    "50% off_all\\": "50% OFF_ALL\\",
    "ÉTÉ à la mer": "été",
    "te\u0302te": "t\u00eate",  # put together, and of one piece
    "Große Straße": "STRASSE",
    "ΟΔΟΣ": "οδος",
    "赤い円": "い",
    "it's /* a */ -- 'quote'": "-- 'QUOTE",
    "nothing\0ness": "\0ness",
    "🎈 over a lake": "🎈",
}
"""And what each of them, and no other, is found by."""


async def test_a_text_is_found_wherever_it_stands_in_any_case(database: Database) -> None:
    await stored(database, *(job(f"{number}", prompt=prompt) for number, prompt in enumerate(PROMPTS)))
    for number, text in enumerate(PROMPTS.values()):
        assert await found(database, text) == [f"{number}"], text


async def test_a_wildcard_means_itself(database: Database) -> None:
    await stored(database, job("it", prompt="abc"))
    for text in ("%", "_", "a_c", "a%c", "\\", "abcd", "b c"):
        assert await found(database, text) == [], text


async def test_a_search_finds_what_its_caller_may_see_and_no_more(database: Database) -> None:
    await stored(database, job("mine", prompt="red"), job("bobs", prompt="red", client="bob"))
    assert await found(database, "red") == ["mine"]
    assert await found(database, "red", Caller("root", admin=True)) == ["mine", "bobs"]


async def test_a_search_goes_on_where_it_has_stopped_and_misses_nothing(database: Database) -> None:
    jobs = [job(f"{number:02}", number // 3, "red" if number % 5 == 0 else "blue") for number in range(20)]
    await stored(database, *jobs)
    wanted = Wanted(ALICE, EVERYTHING, text="red")
    for searched, limit in product((1, 2, 3, 7, 20, 21, 100), (1, 2, 50)):
        seen: list[str] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await read_page(database, wanted, limit=limit, cursor=cursor, searched=searched)
            assert len(page.jobs) <= min(limit, searched)
            seen += [one.id for one in page.jobs]
            cursor, pages = page.next_cursor, pages + 1
        assert seen == ["15", "10", "05", "00"], (searched, limit)
        assert pages <= 20 / searched + 4 / limit + 1, (searched, limit)


async def test_with_a_text_no_more_jobs_are_looked_at_than_the_bound_says(database: Database) -> None:
    await stored(database, *(job(f"{number}", number, "red" if number == 0 else "blue") for number in range(10)))
    page = await read_page(database, Wanted(ALICE, EVERYTHING, text="red"), limit=5, cursor=None, searched=4)
    assert page.jobs == ()
    assert page.next_cursor is not None
    assert cursors.decode(page.next_cursor) == (6.0, "6")


def page_of(jobs: list[Job], limit: int, cursor: str | None, searched: int) -> JobPage:
    """What a part of the list answers, at the end of which it may have looked at too few."""
    after = [one for one in jobs if cursor is None or cursors.key(one) < cursors.decode(cursor)]
    looked_at = after[:searched]
    kept = [one for one in looked_at if one.request.generation.prompt == "red"]
    end = looked_at[-1] if len(after) > searched else None
    if len(kept) > limit:
        kept, end = kept[:limit], kept[limit - 1]
    return JobPage(tuple(kept), None if end is None else cursors.encode(cursors.key(end)))


@given(
    parts=st.lists(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12), min_size=1, max_size=3),
    limit=st.integers(1, 4),
    searched=st.integers(1, 5),
)
def test_pages_of_several_routers_join_without_gaps_repeats_or_disorder(
    parts: list[list[tuple[int, bool]]], limit: int, searched: int
) -> None:
    lists = [
        sorted(
            (job(f"{part}-{i}", when, "red" if is_red else "blue") for i, (when, is_red) in enumerate(jobs)),
            key=cursors.key,
            reverse=True,
        )
        for part, jobs in enumerate(parts)
    ]
    every = sorted((one for jobs in lists for one in jobs), key=cursors.key, reverse=True)
    seen: list[Job] = []
    cursor = None
    for _ in range(len(every) + 2):
        page = merged([page_of(jobs, limit, cursor, searched) for jobs in lists], limit)
        assert len(page.jobs) <= limit
        seen += page.jobs
        if (cursor := page.next_cursor) is None:
            break
    assert cursor is None
    assert [one.id for one in seen] == [one.id for one in every if one.request.generation.prompt == "red"]
