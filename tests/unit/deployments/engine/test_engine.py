"""The engine's promises, on a family whose forwards the test controls."""

import logging
import threading
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
import torch

from deployments.engine import Engine, GenerationRequest
from deployments.engine.errors import (
    Conflict,
    DarkroomError,
    GenerationCancelled,
    Interrupted,
    InvalidRequest,
    OutOfMemory,
    QueueFull,
)
from deployments.engine.events import (
    TERMINAL,
    Cancelled,
    Completed,
    Event,
    Failed,
    ImageReady,
    Preview,
    Progress,
    Started,
)
from deployments.engine.stats import Work
from tests.unit.deployments.engine.listener import Listener
from tests.unit.deployments.engine.slow_motion import CARD, SlowMotionFamily


def wish(prompt: str = "a boat", **fields: Any) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": prompt, "seed": 5} | fields)


def test_a_request_is_told_from_start_to_end_in_order(engine: Engine) -> None:
    events = list(engine.stream(wish(preview_every=2)))
    told = [type(event) for event in events]
    assert told == [Started, Progress, Progress, Preview, Progress, Progress, Preview, ImageReady, Completed]
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
    assert {event.total for event in events if isinstance(event, Progress)} == {4}
    assert len({event.id for event in events}) == 1


def test_generate_returns_pictures_and_seeds_in_order_of_index(engine: Engine) -> None:
    result = engine.generate(wish(n=3))
    assert result.seeds == (5, 6, 7)
    assert [image.size for image in result.images] == [(64, 64)] * 3


def test_a_drawn_seed_is_echoed(engine: Engine) -> None:
    request = GenerationRequest(prompt="a boat")
    assert engine.generate(request).seeds[0] >= 0


def test_timings_add_up_to_the_total(engine: Engine) -> None:
    timings = engine.generate(wish()).timings
    parts = timings.queued + timings.encode + timings.denoise + timings.decode
    assert parts == pytest.approx(timings.total)


def test_previews_come_every_so_many_steps_or_not_at_all(engine: Engine) -> None:
    assert not [event for event in engine.stream(wish(preview_every=0)) if isinstance(event, Preview)]
    every = [event.step for event in engine.stream(wish(preview_every=1)) if isinstance(event, Preview)]
    assert every == [1, 2, 3, 4]


def test_a_request_joins_at_the_next_step_and_leaves_when_it_is_done(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    first, second = Listener(), Listener()
    engine.submit(wish("first", steps=50), first)
    family.let_until("first")
    engine.submit(wish("second", steps=60), second)
    family.let_until("second")
    family.let_all()
    assert isinstance(first.wait(), Completed)
    assert isinstance(second.wait(), Completed)
    alone = family.forwards.index(["first", "second"])
    assert 1 <= alone < 50
    assert family.forwards[:alone] == [["first"]] * alone
    assert family.forwards[alone:50] == [["first", "second"]] * (50 - alone)
    assert family.forwards[50:] == [["second"]] * (alone + 10)


def test_different_sizes_never_share_a_forward(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    listeners = [Listener() for _ in range(4)]
    for number, listener in enumerate(listeners):
        engine.submit(wish(f"size {number % 2}", width=64 + 64 * (number % 2)), listener)
    family.let_all()
    for listener in listeners:
        assert isinstance(listener.wait(), Completed)
    assert all(len(set(forward)) == 1 for forward in family.forwards)


def test_a_forward_holds_at_most_max_batch_images(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    listener = Listener()
    engine.submit(wish(n=10), listener)
    family.let_all()
    assert isinstance(listener.wait(), Completed)
    assert max(len(forward) for forward in family.forwards) == 4


def test_cancel_takes_effect_before_the_next_forward(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    stays, leaves = Listener(), Listener()
    engine.submit(wish("stays", steps=50), stays)
    request = engine.submit(wish("leaves", steps=50), leaves)
    family.let_until("leaves")
    assert engine.cancel(request.id)
    under_way = len(family.forwards) + 1
    family.let_all()
    assert isinstance(leaves.wait(), Cancelled)
    assert isinstance(stays.wait(), Completed)
    assert all("leaves" not in forward for forward in family.forwards[under_way:])


def test_nothing_follows_a_cancel(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    listener, other = Listener(), Listener()
    request = engine.submit(wish(), listener)
    listener.wait_for(Started)
    engine.cancel(request.id)
    family.let_all()
    engine.submit(wish(), other)
    other.wait()
    assert isinstance(listener.events[-1], Cancelled)
    assert sum(isinstance(event, TERMINAL) for event in listener.events) == 1


def test_cancelling_what_is_unknown_or_over_changes_nothing(engine: Engine) -> None:
    request = wish()
    engine.generate(request)
    assert not engine.cancel(request.id)
    assert not engine.cancel("unknown")


def test_closing_a_stream_cancels_its_request(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    events = engine.stream(wish())
    assert isinstance(next(events), Started)
    events.close()
    family.let_all()
    engine.generate(wish("the next one", width=128))  # forwards of its own: those of the closed one are over
    assert engine.stats().running == 0


def test_generate_raises_when_somebody_cancels(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    request = wish()
    outcome: list[BaseException] = []

    def generate() -> None:
        try:
            engine.generate(request)
        except DarkroomError as error:
            outcome.append(error)

    thread = threading.Thread(target=generate)
    thread.start()
    while not engine.cancel(request.id):
        assert thread.is_alive()
    family.let_all()
    thread.join()
    assert isinstance(outcome[0], GenerationCancelled)


@pytest.mark.parametrize("where", ["encode!", "denoise!", "preview!", "decode!"])
def test_an_error_fails_its_request_without_its_details_and_the_engine_goes_on(where: str, engine: Engine) -> None:
    with pytest.raises(DarkroomError) as failure:
        engine.generate(wish(where, preview_every=1))
    assert failure.value.code == "internal"
    assert "secret" not in failure.value.message
    assert len(engine.generate(wish()).images) == 1
    engine.check()


def test_an_error_in_encoding_leaves_the_neighbours_alone(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    good, bad = Listener(), Listener()
    engine.submit(wish("good"), good)
    engine.submit(wish("encode!"), bad)
    assert isinstance(bad.wait(), Failed)
    family.let_all()
    assert isinstance(good.wait(), Completed)


def test_running_out_of_memory_has_its_own_code(engine: Engine) -> None:
    with pytest.raises(OutOfMemory):
        engine.generate(wish("oom!"))


class Cramped(SlowMotionFamily):
    """Memory for two images in a forward, and for one in a decode."""

    def denoise(self, states: Any) -> None:
        if len(states) > 2:
            raise torch.OutOfMemoryError
        super().denoise(states)

    def decode(self, states: Any, *, tiled: bool = False) -> Any:
        if len(states) > 1:
            raise torch.OutOfMemoryError
        return super().decode(states, tiled=tiled)


def test_running_out_of_memory_in_company_makes_smaller_batches_and_fails_nobody() -> None:
    family = Cramped()
    with Engine(family, CARD, max_batch=8) as engine:
        assert len(engine.generate(wish(n=8)).images) == 8
        assert len(engine.generate(wish(n=8)).images) == 8
    assert max(len(forward) for forward in family.forwards) == 2


@pytest.mark.skipif(not hasattr(torch, "AcceleratorError"), reason="this torch has no such error")
def test_a_device_that_is_broken_ends_the_engine_so_that_its_replica_is_replaced() -> None:
    class Broken(SlowMotionFamily):
        def denoise(self, states: Any) -> None:
            raise torch.AcceleratorError("an illegal memory access was encountered")

    engine = Engine(Broken(), CARD)
    with pytest.raises(DarkroomError):
        engine.generate(wish())
    engine.close()
    with pytest.raises(RuntimeError, match="can't serve"):
        engine.check()


def test_an_id_may_come_again_while_the_cancelled_ones_last_forward_runs(
    slow: tuple[SlowMotionFamily, Engine],
) -> None:
    family, engine = slow
    first, again = Listener(), Listener()
    request = engine.submit(wish(steps=50), first)
    family.let_until("a boat")
    engine.cancel(request.id)
    engine.submit(request, again)
    again.wait_for(Started)
    family.let_all()
    assert isinstance(again.wait(), Completed)
    engine.check()


def test_a_preview_that_cannot_be_shown_fails_its_request_alone() -> None:
    class Blind(SlowMotionFamily):
        def preview(self, state: Any) -> Any:
            return torch.zeros(2, 2, 7)  # no picture has seven colours

    family, listener = Blind(free=False), Listener()
    with Engine(family, CARD) as engine:
        engine.submit(wish(preview_every=1), listener)
        family.let_until("a boat")
        assert isinstance(listener.wait(), Failed)
        family.let_all()
        assert engine.generate(wish(preview_every=0)).images
        engine.check()


def test_a_stream_that_was_never_read_starts_nothing(engine: Engine) -> None:
    engine.stream(wish()).close()
    assert engine.stats().running == 0


def test_a_listener_that_raises_loses_its_request_and_nobody_elses(engine: Engine) -> None:
    def broken(events: list[Event]) -> None:
        raise RuntimeError("no")

    engine.submit(wish("broken"), broken)
    assert len(engine.generate(wish()).images) == 1
    engine.check()


def test_bad_input_is_refused_at_the_call(engine: Engine) -> None:
    with pytest.raises(InvalidRequest):
        engine.submit(wish(width=7), Listener())
    assert engine.stats().running == 0


def test_an_id_runs_once_at_a_time(slow: tuple[SlowMotionFamily, Engine]) -> None:
    _, engine = slow
    request = wish()
    engine.submit(request, Listener())
    with pytest.raises(Conflict):
        engine.submit(request, Listener())


def test_the_inbox_is_bounded() -> None:
    family = SlowMotionFamily(free=False)
    engine = Engine(family, CARD, max_pending=2)
    engine.submit(wish(), Listener())
    engine.submit(wish(), Listener())
    with pytest.raises(QueueFull):
        engine.submit(wish(), Listener())
    family.let_all()
    engine.close()


def test_closing_ends_what_runs_and_refuses_what_comes() -> None:
    family = SlowMotionFamily(free=False)
    engine = Engine(family, CARD)
    listener = Listener()
    engine.submit(wish(steps=50), listener)
    family.let_until("a boat")
    closing = threading.Thread(target=engine.close)
    closing.start()
    ending = listener.wait()
    family.let_all()
    closing.join()
    assert isinstance(ending, Failed)
    assert ending.code == "interrupted"
    with pytest.raises(Interrupted):
        engine.submit(wish(), Listener())


def test_a_dead_thread_ends_every_request_and_fails_the_health_check() -> None:
    class Dying(SlowMotionFamily):
        def denoise(self, states: Any) -> None:
            raise SystemExit  # no Exception: nothing in the engine expects it

    engine = Engine(Dying(), CARD)
    with pytest.raises(Interrupted):
        engine.generate(wish())
    with pytest.raises(RuntimeError, match="can't serve"):
        engine.check()
    engine.close()


def test_stats_tell_what_is_inside_and_what_it_costs(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    listener = Listener()
    engine.submit(wish(steps=10, n=2), listener)
    family.let(5)
    listener.wait_for(Progress, step=5)
    stats = engine.stats()
    assert (stats.running, stats.max_batch, stats.device) == (1, 4, "cpu")
    assert stats.backlog_s > 0
    assert stats.seconds_per_row is not None
    family.let_all()
    listener.wait()
    assert engine.stats().running == 0
    assert engine.stats().backlog_s == 0


def test_what_an_engine_has_done_adds_up(engine: Engine) -> None:
    assert engine.stats().work == Work()
    engine.generate(wish(steps=5, n=2))
    work = engine.stats().work
    assert work.images == 10
    assert 5 <= work.forwards <= 10
    assert work.seconds > 0
    assert engine.stats().memory is None  # a CPU


@pytest.mark.parametrize("where", ["encode!", "denoise!", "preview!", "decode!"])
def test_what_is_logged_and_told_of_a_request_is_in_the_context_of_its_submission(where: str, engine: Engine) -> None:
    submitter: ContextVar[str] = ContextVar("submitter", default="nobody")
    logged: dict[str, str] = {}
    told: dict[str, set[str]] = {}

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged[submitter.get()] = record.getMessage()

    def submit(name: str) -> Listener:
        submitter.set(name)
        listener = Listener()

        def hear(events: list[Event]) -> None:
            told.setdefault(name, set()).add(submitter.get())
            listener(events)

        engine.submit(wish(where, id=name, preview_every=1), hear)
        return listener

    ear = Ear()
    logging.getLogger("deployments.engine").addHandler(ear)
    try:
        listeners = [copy_context().run(submit, name) for name in ("ann", "bob")]
        for listener in listeners:
            assert isinstance(listener.wait(), Failed)
    finally:
        logging.getLogger("deployments.engine").removeHandler(ear)
    assert set(logged) == {"ann", "bob"}
    assert all(name in message for name, message in logged.items())
    assert told == {"ann": {"ann"}, "bob": {"bob"}}


def test_two_hundred_concurrent_requests_each_end_once(engine: Engine) -> None:
    listeners = [Listener() for _ in range(200)]
    requests = [
        engine.submit(wish(f"{number}", steps=1 + number % 5), listener) for number, listener in enumerate(listeners)
    ]
    for request in requests[::3]:
        engine.cancel(request.id)
    for listener in listeners:
        assert sum(isinstance(event, TERMINAL) for event in [listener.wait(), *listener.events[:-1]]) == 1
