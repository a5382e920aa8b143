"""When an engine saves images on their way, and how it takes them up, on a family whose forwards the test controls."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import (
    Cancelled,
    Checkpoint,
    Completed,
    Event,
    ImageReady,
    Preview,
    Progress,
    Started,
)
from deployments.engine.families.base import DenoiseState, Item
from deployments.engine.resolve import resolve
from deployments.engine.samplers import Sampler
from deployments.engine.saving import RawCheckpoint, Saver
from tests.unit.deployments.engine.listener import Listener
from tests.unit.deployments.engine.resuming import Unhurried
from tests.unit.deployments.engine.slow_motion import CARD, CountdownScheduler, SlowMotionFamily


def wish(prompt: str = "a boat", **fields: Any) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": prompt, "seed": 5, "preview_every": 0} | fields)


def told(
    request: GenerationRequest,
    *,
    weights: str = "",
    resume: dict[int, bytes] | None = None,
    checkpoint_every_s: float | None = None,
) -> list[Event]:
    """All events of a request in an engine of its own."""
    listener, family = Listener(), SlowMotionFamily()
    calm = Unhurried(family, listener) if checkpoint_every_s == 0 else family
    with Engine(calm, CARD, max_batch=4, weights_id=weights) as engine:
        engine.submit(request, listener, resume=resume, checkpoint_every_s=checkpoint_every_s)
        assert isinstance(listener.wait(), Completed)
    return listener.events


def saved(request: GenerationRequest, step: int, *, weights: str = "") -> dict[int, bytes]:
    """The checkpoints of all images of a request after one step."""
    events = told(request, weights=weights, checkpoint_every_s=0)
    return {event.index: event.data for event in events if isinstance(event, Checkpoint) and event.step == step}


def test_with_an_interval_of_nothing_every_step_but_the_last_is_saved_after_it_was_told() -> None:
    events = told(wish(preview_every=2), checkpoint_every_s=0)
    assert [type(event) for event in events] == [
        *(Started, Progress, Checkpoint, Progress, Preview, Checkpoint),
        *(Progress, Checkpoint, Progress, Preview, ImageReady, Completed),
    ]
    assert [(event.step, event.index) for event in events if isinstance(event, Checkpoint)] == [(1, 0), (2, 0), (3, 0)]
    assert len({event.id for event in events}) == 1


@pytest.mark.parametrize("options", [{}, {"checkpoint_every_s": None}, {"checkpoint_every_s": 3600}], ids=str)
def test_unasked_or_before_its_time_nothing_is_saved(options: dict[str, Any]) -> None:
    assert not [event for event in told(wish(), **options) if isinstance(event, Checkpoint)]


def test_each_image_of_a_request_is_saved() -> None:
    events = told(wish(n=3), checkpoint_every_s=0)
    found = {(event.index, event.step) for event in events if isinstance(event, Checkpoint)}
    assert found == {(index, step) for index in range(3) for step in (1, 2, 3)}


@pytest.mark.parametrize("every_s", [-1, -0.5, float("nan")])
def test_an_interval_that_is_none_is_refused(engine: Engine, every_s: float) -> None:
    with pytest.raises(ValueError, match="checkpoint_every_s"):
        engine.submit(wish(), Listener(), checkpoint_every_s=every_s)
    assert engine.stats().running == 0


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_resumed_request_goes_on_after_the_step(step: int) -> None:
    request = wish(preview_every=1)
    events = told(request, resume=saved(request, step))
    assert isinstance(events[0], Started)
    rest = list(range(step + 1, 5))
    assert [(event.step, event.total) for event in events if isinstance(event, Progress)] == [(at, 4) for at in rest]
    assert [event.step for event in events if isinstance(event, Preview)] == rest
    (ready,) = (event for event in events if isinstance(event, ImageReady))
    assert ready.image.getpixel((0, 0)) == (4, 0, 0)  # each step of this family adds one


def test_a_resumed_request_is_saved_on() -> None:
    request = wish(steps=6)
    events = told(request, resume=saved(request, 2), checkpoint_every_s=0)
    assert [event.step for event in events if isinstance(event, Checkpoint)] == [3, 4, 5]


def test_only_the_forwards_that_are_left_are_taken_and_counted_as_backlog(
    slow: tuple[SlowMotionFamily, Engine],
) -> None:
    family, engine = slow
    request, listener = wish(steps=10), Listener()
    engine.submit(request, listener, resume=saved(request, 8))
    listener.wait_for(Started)
    family.let(1)
    listener.wait_for(Progress, step=9)
    assert engine.stats().backlog_s == pytest.approx(1 * engine.card.seconds_per_row)  # none is measured yet
    family.let_all()
    assert isinstance(listener.wait(), Completed)
    assert len(family.forwards) == 2


def test_images_without_a_checkpoint_begin_anew_and_indices_that_are_not_there_do_not_matter() -> None:
    request = wish(n=2)
    data = saved(request, 3)
    events = told(request, resume={1: data[1], 7: data[0]})
    steps = {index: [e.step for e in events if isinstance(e, Progress) and e.index == index] for index in (0, 1)}
    assert steps == {0: [1, 2, 3, 4], 1: [4]}


OF_NO_USE = {
    "nothing": lambda: b"",
    "nonsense": lambda: b"nonsense",
    "a part": lambda: saved(wish(), 2)[0][:-1],
    "another request's": lambda: saved(wish("another"), 2)[0],
    "another image's": lambda: saved(wish(n=2), 2)[1],
    "of other weights": lambda: saved(wish(), 2, weights="others")[0],
}


@pytest.mark.parametrize("data", OF_NO_USE)
def test_a_checkpoint_of_no_use_means_from_the_beginning_and_the_log_says_so(
    data: str, caplog: pytest.LogCaptureFixture
) -> None:
    events = told(wish(), resume={0: OF_NO_USE[data]()})
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
    assert isinstance(events[-1], Completed)
    assert "image 0: its checkpoint is of no use" in caplog.text


def test_the_same_image_of_a_request_for_more_or_in_another_file_is_the_same() -> None:
    data = saved(wish(n=2, seed=4), 2)[1]
    events = told(wish(seed=5, id="another", format="webp", quality=3), resume={0: data})
    assert [event.step for event in events if isinstance(event, Progress)] == [3, 4]


def test_nothing_is_saved_after_a_cancel(slow: tuple[SlowMotionFamily, Engine]) -> None:
    family, engine = slow
    listener, other = Listener(), Listener()
    request = engine.submit(wish(steps=50), listener, checkpoint_every_s=0)
    family.let(1)
    listener.wait_for(Checkpoint, step=1)
    engine.cancel(request.id)
    engine.submit(wish("another"), other)
    family.let_all()
    assert isinstance(other.wait(), Completed)
    assert isinstance(listener.events[-1], Cancelled)


class Odd(CountdownScheduler):
    """Holds on to something that can't be told."""

    def step(self, *args: Any, **kwargs: Any) -> Any:
        self.memory = object()
        return super().step(*args, **kwargs)


class OddFamily(SlowMotionFamily):
    def start(self, item: Item) -> DenoiseState:
        state = super().start(item)
        state.sampler = Sampler(Odd(item.steps), item.steps, item.generator())
        return state


def test_what_cannot_be_saved_is_made_all_the_same_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with Engine(OddFamily(), CARD) as engine:
        events = list(engine.stream(wish(), checkpoint_every_s=0))
    assert isinstance(events[-1], Completed)
    assert not [event for event in events if isinstance(event, Checkpoint)]
    assert caplog.text.count("can't be saved on its way: its memory holds a object") == 1


class Walk:
    """An image that is saved on its way, step by step, at times that a test sets."""

    def __init__(self, every_s: float, steps: int = 10) -> None:
        self.now = 0.0
        family, request = SlowMotionFamily(), resolve(wish(steps=steps), CARD)
        self._state = family.start(family.prepare(request)[0])
        self._saver = Saver(every_s, "", lambda: self.now)

    def step(self) -> RawCheckpoint | None:
        self._state.latents = self._state.sampler.step(torch.ones(1), self._state.latents)
        return self._saver.save(self._state)


@given(pauses=st.lists(st.integers(0, 5), min_size=1, max_size=30), every_s=st.integers(0, 12))
@settings(deadline=None, derandomize=True)
def test_saves_are_as_far_apart_as_asked_and_none_is_missed(pauses: list[int], every_s: int) -> None:
    walk, since = Walk(every_s, steps=len(pauses) + 1), 0.0
    for pause in pauses:
        walk.now += pause
        due = walk.now - since >= every_s
        assert (walk.step() is not None) == due
        since = walk.now if due else since


def test_a_save_that_the_next_one_overtakes_is_left_out() -> None:
    walk = Walk(0)
    overtaken, newest = walk.step(), walk.step()
    assert overtaken is not None
    assert newest is not None
    assert overtaken.event("id") is None
    event = newest.event("id")
    assert event is not None
    assert (event.id, event.step, event.index) == ("id", 2, 0)


def test_a_save_that_was_written_down_stays_when_the_next_one_comes() -> None:
    walk = Walk(0)
    first = walk.step()
    assert first is not None
    event = first.event("id")
    walk.step()
    assert event is not None
    assert event.data


def test_a_save_that_the_last_step_overtakes_is_left_out() -> None:
    walk = Walk(0, steps=2)
    only = walk.step()
    assert walk.step() is None
    assert only is not None
    assert only.event("id") is None
