import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serve_app.jobs.queue import JobQueue

LIMIT = 5


def filled(*jobs: tuple[str, float]) -> JobQueue:
    queue = JobQueue(len(jobs) + 1)
    for job_id, cost in jobs:
        queue.hold()
        queue.add(job_id, cost)
    return queue


def test_jobs_leave_in_the_order_in_which_they_came() -> None:
    queue = filled(("a", 1), ("b", 2), ("c", 3))
    assert [queue.pop() for _ in range(3)] == ["a", "b", "c"]


def test_a_requeued_job_goes_before_all_others() -> None:
    queue = filled(("a", 1), ("b", 2))
    queue.requeue("lost", 4)
    assert queue.position("lost") == 0
    assert queue.ahead("b") == 5


def test_a_held_place_counts_against_the_bound() -> None:
    queue = JobQueue(1)
    assert queue.hold()
    assert not queue.hold()
    queue.release()
    assert queue.hold()


def test_an_acknowledged_job_fits_even_when_lost_jobs_came_back_meanwhile() -> None:
    queue = JobQueue(1)
    queue.hold()
    queue.requeue("lost", 1)
    queue.add("held", 1)
    assert len(queue) == 2


def test_a_place_that_is_not_held_can_be_neither_taken_nor_released() -> None:
    queue = JobQueue(1)
    with pytest.raises(ValueError, match="held"):
        queue.add("a", 1)
    with pytest.raises(ValueError, match="held"):
        queue.release()


def test_a_job_waits_once() -> None:
    queue = filled(("a", 1))
    queue.hold()
    with pytest.raises(ValueError, match="already"):
        queue.add("a", 1)
    with pytest.raises(ValueError, match="already"):
        queue.requeue("a", 1)


def test_a_job_that_does_not_wait_has_no_place() -> None:
    queue = filled(("a", 1))
    assert not queue.remove("b")
    for place in (queue.position, queue.ahead):
        with pytest.raises(KeyError):
            place("b")


class AgainstAList(RuleBasedStateMachine):
    """The queue does what a plain list of (id, cost) does."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = JobQueue(LIMIT)
        self.model: list[tuple[str, float]] = []
        self.drawn = 0

    def fresh(self) -> str:
        self.drawn += 1
        return str(self.drawn)

    @rule(cost=st.integers(0, 100))
    def submit(self, cost: int) -> None:
        admitted = self.queue.hold()
        assert admitted == (len(self.model) < LIMIT)
        if admitted:
            self.model.append((job_id := self.fresh(), cost))
            self.queue.add(job_id, cost)

    @rule(cost=st.integers(0, 100))
    def lose(self, cost: int) -> None:
        self.model.insert(0, (job_id := self.fresh(), cost))
        self.queue.requeue(job_id, cost)

    @precondition(lambda self: self.model)
    @rule()
    def dispatch(self) -> None:
        assert self.queue.pop() == self.model.pop(0)[0]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.model))
        self.model.remove(job)
        assert self.queue.remove(job[0])

    @invariant()
    def standing_is_that_of_the_list(self) -> None:
        assert len(self.queue) == len(self.model)
        assert self.queue.total() == sum(cost for _, cost in self.model)
        ahead = 0.0
        for position, (job_id, cost) in enumerate(self.model):
            assert job_id in self.queue
            assert (self.queue.position(job_id), self.queue.ahead(job_id)) == (position, ahead)
            ahead += cost


TestAgainstAList = AgainstAList.TestCase
