"""The step scheduler's policy, with plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from deployments.engine.batching import BatchKey, StepScheduler

SMALL = BatchKey("m", 16, 16, 77)
LARGE = BatchKey("m", 32, 32, 77)


def turns(scheduler: StepScheduler, count: int) -> list[list[object]]:
    """Run ``count`` turns and return their batches."""
    batches = []
    for _ in range(count):
        batch = scheduler.next_batch()
        scheduler.advance(batch)
        batches.append(batch)
    return batches


def test_nothing_scheduled_gives_an_empty_batch() -> None:
    assert StepScheduler(4).next_batch() == []


def test_equal_keys_share_a_batch_up_to_the_cap_in_order_of_arrival() -> None:
    scheduler = StepScheduler(3)
    for name in "abcd":
        scheduler.add(name, SMALL)
    assert scheduler.next_batch() == ["a", "b", "c"]


def test_different_keys_never_share_a_batch_and_take_turns() -> None:
    scheduler = StepScheduler(8)
    scheduler.add("a", SMALL)
    scheduler.add("b", LARGE)
    scheduler.add("c", SMALL)
    assert turns(scheduler, 4) == [["a", "c"], ["b"], ["a", "c"], ["b"]]


def test_a_newcomer_joins_at_the_next_step() -> None:
    scheduler = StepScheduler(8)
    scheduler.add("a", SMALL)
    turns(scheduler, 3)
    scheduler.add("b", SMALL)
    assert scheduler.next_batch() == ["a", "b"]


def test_an_aborted_state_leaves_before_the_next_step() -> None:
    scheduler = StepScheduler(8)
    scheduler.add("a", SMALL)
    scheduler.add("b", SMALL)
    turns(scheduler, 1)
    scheduler.abort("a")
    assert scheduler.next_batch() == ["b"]
    scheduler.abort("never there")
    assert len(scheduler) == 1


def test_urgent_goes_first_by_priority_then_by_deadline() -> None:
    scheduler = StepScheduler(1)
    scheduler.add("normal", SMALL)
    scheduler.add("urgent, late", SMALL, priority=-1, deadline=20)
    scheduler.add("urgent, soon", SMALL, priority=-1, deadline=10)
    order = []
    while batch := scheduler.next_batch():
        scheduler.advance(batch)
        scheduler.abort(batch[0])
        order += batch
    assert order == ["urgent, soon", "urgent, late", "normal"]


def test_a_key_whose_states_come_and_go_takes_no_more_than_its_turn() -> None:
    scheduler = StepScheduler(8)
    scheduler.add("long", LARGE)
    served = []
    for _ in range(8):
        if len(scheduler) == 1:
            scheduler.add("short", SMALL)  # one step long; the next one comes when it has left
        (id,) = scheduler.next_batch()
        scheduler.advance([id])
        served.append(id)
        if id == "short":
            scheduler.abort(id)
    assert served.count("long") >= 4


def test_a_limit_caps_the_batches_of_its_key_alone() -> None:
    scheduler = StepScheduler(8)
    for name in "abc":
        scheduler.add(name, SMALL)
    for name in "xyz":
        scheduler.add(name, LARGE)
    scheduler.limit(LARGE, 2)
    assert sorted(len(batch) for batch in turns(scheduler, 2)) == [2, 3]


def test_the_same_id_twice_is_refused() -> None:
    scheduler = StepScheduler(8)
    scheduler.add("a", SMALL)
    with pytest.raises(ValueError, match="scheduled already"):
        scheduler.add("a", LARGE)


@pytest.mark.parametrize(("max_batch", "patience"), [(0, 1), (1, 0)])
def test_bounds_below_one_are_refused(max_batch: int, patience: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        StepScheduler(max_batch, patience)


@given(
    states=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), min_size=1, max_size=20),
    max_batch=st.integers(1, 6),
    patience=st.integers(1, 10),
)
def test_no_state_starves_whatever_the_keys_and_priorities(
    states: list[tuple[int, int]], max_batch: int, patience: int
) -> None:
    scheduler = StepScheduler(max_batch, patience)
    for number, (size, priority) in enumerate(states):
        scheduler.add(number, BatchKey("m", size, size, 77), priority=priority)
    window = patience + len(states)
    for _ in range(3):
        batches = turns(scheduler, window)
        assert {id for batch in batches for id in batch} == set(range(len(states)))
        assert all(0 < len(batch) <= max_batch for batch in batches)
        assert all(len({states[id][0] for id in batch}) == 1 for batch in batches)  # type: ignore[index]


class AnyHistory(RuleBasedStateMachine):
    """States come, step, are limited and leave in any order; the policy holds at every turn."""

    @initialize(max_batch=st.integers(1, 5), patience=st.integers(1, 8))
    def start(self, max_batch: int, patience: int) -> None:
        self.scheduler: StepScheduler[int] = StepScheduler(max_batch, patience)
        self.max_batch, self.patience = max_batch, patience
        self.urgency: dict[int, tuple[int, float, int]] = {}
        self.sizes: dict[int, int] = {}
        self.waited: dict[int, int] = {}
        self.crowd: dict[int, int] = {}  # the most states that were there while it waited
        self.caps: dict[int, int] = {}
        self.arrivals = 0

    @rule(size=st.integers(0, 2), priority=st.integers(-1, 1), deadline=st.sampled_from([1.0, 2.0, float("inf")]))
    def join(self, size: int, priority: int, deadline: float) -> None:
        self.arrivals += 1
        self.scheduler.add(self.arrivals, self.key(size), priority=priority, deadline=deadline)
        self.urgency[self.arrivals] = (priority, deadline, self.arrivals)
        self.sizes[self.arrivals], self.waited[self.arrivals], self.crowd[self.arrivals] = size, 0, 0

    @rule(pick=st.integers(0, 99))
    def leave(self, pick: int) -> None:
        id = sorted(self.urgency)[pick % len(self.urgency)] if self.urgency else pick
        self.scheduler.abort(id)
        self.urgency.pop(id, None)

    @rule(size=st.integers(0, 2), states=st.integers(0, 4))
    def limit(self, size: int, states: int) -> None:
        self.scheduler.limit(self.key(size), states)
        self.caps[size] = max(1, states)

    @rule()
    def turn(self) -> None:
        batch = self.scheduler.next_batch()
        assert batch == self.scheduler.next_batch()  # asking changes nothing
        assert len(self.scheduler) == len(self.urgency)
        assert bool(batch) == bool(self.urgency)
        assert set(batch) <= self.urgency.keys()  # who has left is in no forward
        assert batch == sorted(set(batch))  # nobody twice; in order of arrival
        for id in self.urgency:
            self.crowd[id] = max(self.crowd[id], len(self.urgency))
        if batch:
            self.check_policy(batch)
        self.scheduler.advance(batch)
        for id in self.urgency:
            self.waited[id] = 0 if id in batch else self.waited[id] + 1
            assert self.waited[id] < self.patience + self.crowd[id], "it starves"
            if id in batch:
                self.crowd[id] = 0

    def check_policy(self, batch: list[int]) -> None:
        (size,) = {self.sizes[id] for id in batch}
        alike = [id for id in self.urgency if self.sizes[id] == size]
        assert len(batch) == min(self.max_batch, self.caps.get(size, self.max_batch), len(alike))
        overdue = {id for id in self.urgency if self.waited[id] >= self.patience}
        if overdue:
            longest = max(self.waited[id] for id in overdue)
            assert any(self.waited[id] == longest for id in batch)
            return
        assert min(one[:2] for one in self.urgency.values()) in {self.urgency[id][:2] for id in batch}
        passed_over = [self.urgency[id] for id in alike if id not in batch]
        assert all(max(self.urgency[id] for id in batch) < other for other in passed_over)

    @precondition(lambda self: self.urgency)
    @rule(count=st.integers(1, 12))
    def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn()

    @staticmethod
    def key(size: int) -> BatchKey:
        return BatchKey("m", size, size, 77)


TestAnyHistory = AnyHistory.TestCase
