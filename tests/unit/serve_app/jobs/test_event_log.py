import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.engine.errors import InvalidRequest
from serve_app.jobs.events import (
    Cancelled,
    EventId,
    ImageDone,
    Preview,
    Progress,
    Queued,
    Restarted,
    Started,
)
from serve_app.jobs.job import ImageRef
from serve_app.jobs.log import EventLog


def preview(step: int, index: int = 0) -> Preview:
    return Preview(step, 20, "jpeg", b"", index)


def events(log: EventLog, after: EventId | None = None) -> list[object]:
    return [logged.event for logged in log.after(after)]


def test_an_event_id_reads_back_from_its_text() -> None:
    assert EventId.parse(str(EventId(3, 14))) == EventId(3, 14)


@pytest.mark.parametrize("text", ["", "3", "3-", "-3", "3-1-2", "a-b", "٣-١", "3-1\n", " 3-1", "9" * 19 + "-1"])
def test_a_text_that_is_no_event_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        EventId.parse(text)
    assert refused.value.field == "Last-Event-ID"


def test_a_new_queued_replaces_the_last_one_and_gets_a_new_id() -> None:
    log = EventLog(1)
    first = log.append(Queued(2, 1.0))
    second = log.append(Queued(1, 0.5))
    assert events(log) == [Queued(1, 0.5)]
    assert second.id > first.id


def test_a_new_preview_replaces_that_of_the_same_image_only() -> None:
    log = EventLog(1)
    for event in (preview(5, 0), preview(5, 1), Progress(6, 20, 0), preview(10, 0)):
        log.append(event)
    assert events(log) == [preview(5, 1), Progress(6, 20, 0), preview(10, 0)]


def test_transitions_of_every_attempt_are_kept() -> None:
    log = EventLog(1)
    told = [Queued(0, None), Started(1), Progress(1, 2, 0), Restarted(2, "lost", 0), Started(2), Cancelled()]
    for event in told:
        log.append(event)
    assert events(log) == told


def test_replay_after_an_id_gives_what_is_newer_and_an_older_epoch_gets_everything() -> None:
    log = EventLog(4)
    ids = [log.append(Progress(step, 3, 0)).id for step in (1, 2, 3)]
    assert events(log, ids[0]) == [Progress(2, 3, 0), Progress(3, 3, 0)]
    assert events(log, ids[2]) == []
    assert len(events(log, EventId(3, 10**9))) == 3


def test_nothing_comes_after_the_terminal_event() -> None:
    log = EventLog(1)
    log.append(Cancelled())
    with pytest.raises(ValueError, match="ended"):
        log.append(Started(1))


@given(
    st.lists(
        st.one_of(
            st.builds(Queued, st.integers(0, 9), st.none()),
            st.builds(Started, st.integers(1, 3)),
            st.builds(preview, st.integers(1, 5), st.integers(0, 2)),
            st.builds(Progress, st.integers(1, 5), st.just(5), st.integers(0, 2)),
            st.builds(
                lambda index: ImageDone(ImageRef(index, "k", 0, "png", 1, 1, 1)),
                st.integers(0, 2),
            ),
        ),
        max_size=120,
    )
)
def test_however_much_is_told_the_log_stays_within_its_bound_and_in_order(told: list[object]) -> None:
    log = EventLog(1)
    starts = sum(isinstance(event, Started) for event in told)
    for event in told:
        log.append(event)  # type: ignore[arg-type]
    kept = log.after(None)
    assert len(kept) <= 3 * (5 + 2) + starts + 1
    assert [logged.id for logged in kept] == sorted(logged.id for logged in kept)
    if told:
        assert kept[-1].event == told[-1]
        assert kept[-1].id == EventId(1, len(told))


async def test_every_waiting_follower_is_woken_and_reads_to_the_end() -> None:
    log = EventLog(1)

    async def read() -> list[object]:
        seen, after = [], None
        while fresh := await log.news(after):
            seen += [logged.event for logged in fresh]
            after = fresh[-1].id
        return seen

    followers = [asyncio.create_task(read()) for _ in range(5)]
    for event in (Started(1), Progress(1, 1, 0), Cancelled()):
        await asyncio.sleep(0)
        log.append(event)
    assert await asyncio.gather(*followers) == [[Started(1), Progress(1, 1, 0), Cancelled()]] * 5


async def test_a_slow_follower_gets_what_has_gathered_in_one_list() -> None:
    log = EventLog(1)
    for step in range(1, 21):
        log.append(Progress(step, 20, 0))
        log.append(preview(step))
    assert len(await log.news(None)) == 21
