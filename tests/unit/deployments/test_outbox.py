"""What an attempt tells on its way out: everything in order, except previews that a newer one has overtaken."""

import asyncio

import pytest

from deployments.engine.events import Cancelled, Progress, Started
from deployments.messages import EncodedPreview, ReplicaEvent
from deployments.outbox import LISTS_PER_S, PACE_S, Outbox, pace_s

JOB = "job"


def preview(step: int, index: int = 0) -> EncodedPreview:
    return EncodedPreview(JOB, b"jpeg", "jpeg", step, 20, index)


async def test_all_that_gathered_comes_as_one_list_in_order() -> None:
    outbox = Outbox()
    events = [Started(JOB), Progress(JOB, 1, 20, 0), Progress(JOB, 2, 20, 0)]
    for event in events:
        outbox.put(event)
    assert await outbox.take() == events


async def test_a_preview_overtakes_an_older_one_of_the_same_image_only() -> None:
    outbox = Outbox()
    for event in (preview(5), preview(5, index=1), Progress(JOB, 10, 20, 0), preview(10)):
        outbox.put(event)
    assert await outbox.take() == [preview(5, index=1), Progress(JOB, 10, 20, 0), preview(10)]


async def test_a_preview_that_was_read_is_not_taken_back() -> None:
    outbox = Outbox()
    outbox.put(preview(5))
    assert await outbox.take() == [preview(5)]
    outbox.put(preview(10))
    assert await outbox.take() == [preview(10)]


async def test_the_reader_waits_for_news() -> None:
    outbox = Outbox()
    reader = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not reader.done()
    outbox.put(Started(JOB))
    assert await reader == [Started(JOB)]


async def test_nothing_follows_the_terminal_event() -> None:
    outbox = Outbox()
    outbox.put(Cancelled(JOB))
    outbox.put(Progress(JOB, 1, 20, 0))
    assert await outbox.take() == [Cancelled(JOB)]


@pytest.mark.parametrize("urgent", [Cancelled(JOB), preview(2)])
async def test_progress_waits_for_its_time_and_goes_at_once_with_a_transition_or_a_preview(
    urgent: ReplicaEvent,
) -> None:
    outbox = Outbox(lambda: 3600)
    outbox.put(Started(JOB))
    assert await outbox.take() == [Started(JOB)]
    outbox.put(Progress(JOB, 1, 20, 0))
    reader = asyncio.create_task(outbox.take())
    await asyncio.sleep(0.01)
    assert not reader.done()
    outbox.put(urgent)
    assert await reader == [Progress(JOB, 1, 20, 0), urgent]


async def test_progress_goes_out_by_itself_when_its_time_has_come() -> None:
    outbox = Outbox(lambda: 0.01)
    outbox.put(Started(JOB))
    await outbox.take()
    outbox.put(Progress(JOB, 1, 20, 0))
    assert await outbox.take() == [Progress(JOB, 1, 20, 0)]


async def test_the_first_news_of_an_attempt_does_not_wait() -> None:
    outbox = Outbox(lambda: 3600)
    outbox.put(Progress(JOB, 1, 20, 0))
    assert await outbox.take() == [Progress(JOB, 1, 20, 0)]


def test_the_attempts_of_a_replica_share_what_it_hands_out() -> None:
    assert pace_s(1) == pace_s(4) == PACE_S
    assert 16 / pace_s(16) == LISTS_PER_S
