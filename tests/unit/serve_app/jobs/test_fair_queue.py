import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serve_app.jobs.job import Priority
from serve_app.jobs.queue import WEIGHTS, Bound, FairQueue, Waiting

PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")


def filled(*jobs: Waiting, limit: int = 100_000) -> FairQueue:
    queue = FairQueue(limit, limit)
    for job in jobs:
        add(queue, job)
    return queue


def add(queue: FairQueue, job: Waiting) -> None:
    assert queue.hold(job.client) is None
    queue.add(job)


def many(client: str, count: int, cost: float = 1.0, priority: Priority = "normal") -> list[Waiting]:
    return [Waiting(f"{client}{priority}{number}", client, cost, priority) for number in range(count)]


def drained(queue: FairQueue) -> list[str]:
    return [queue.pop() for _ in range(len(queue))]


def jain(served: list[float]) -> float:
    """Jain, Chiu, Hawe 1984: 1 for equal shares, 1/n when one has all."""
    return sum(served) ** 2 / (len(served) * sum(share**2 for share in served))


def test_one_clients_jobs_leave_in_the_order_in_which_they_came() -> None:
    queue = filled(*(Waiting(name, "alice", cost) for name, cost in (("a", 1), ("b", 9), ("c", 3))))
    assert drained(queue) == ["a", "b", "c"]


def test_a_newcomer_with_one_job_is_next_whoever_has_a_thousand_waiting() -> None:
    queue = filled(*many("greedy", 1000))
    for _ in range(3):
        queue.pop()
    add(queue, Waiting("newcomer", "new", 50.0))
    assert queue.place("newcomer")[0] == 0
    assert queue.pop() == "newcomer"


def test_a_client_that_leaves_for_a_moment_does_not_escape_what_it_was_charged() -> None:
    queue = filled(*many("steady", 100))
    order = []
    for number in range(20):  # one job at a time, as soon as the last one is taken
        add(queue, Waiting(f"drip{number}", "drip", 1.0))
        while True:
            order.append(queue.pop())
            if order[-1] == f"drip{number}":
                break
    assert sum(name.startswith("steady") for name in order) >= 19


def test_a_client_that_pauses_saves_up_no_turns() -> None:
    queue = filled(*many("steady", 100))
    for _ in range(50):
        queue.pop()
    for job in many("late", 50):
        add(queue, job)
    first = [queue.pop() for _ in range(20)]
    assert 9 <= sum(name.startswith("late") for name in first) <= 11


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 5, 20), (0.5, 40, 3)])
def test_equal_clients_with_unequal_jobs_get_equal_shares(sizes: tuple[float, ...]) -> None:
    costs = dict(zip("abc", sizes, strict=True))
    queue = filled(*(job for client, cost in costs.items() for job in many(client, math.ceil(4000 / cost), cost)))
    served: defaultdict[str, float] = defaultdict(float)
    while sum(served.values()) < 3000:
        client = queue.pop()[0]
        served[client] += costs[client]
    assert jain(list(served.values())) >= 0.999


def test_priorities_are_shares_between_clients_and_nobody_starves() -> None:
    queue = filled(*(job for priority in PRIORITIES for job in many(priority, 700, 1.0, priority)))
    first = [queue.pop() for _ in range(700)]
    taken = {priority: sum(name.startswith(priority) for name in first) for priority in PRIORITIES}
    unit = 700 / sum(WEIGHTS.values())
    assert taken == {priority: pytest.approx(WEIGHTS[priority] * unit, abs=2) for priority in PRIORITIES}


def test_priorities_are_shares_among_one_clients_own_jobs_and_within_one_they_keep_their_order() -> None:
    queue = filled(*(job for priority in PRIORITIES for job in many("me", 400, 1.0, priority)))
    first = [queue.pop() for _ in range(350)]
    counts = [sum(priority in name for name in first) for priority in PRIORITIES]
    assert counts == [pytest.approx(200, abs=2), pytest.approx(100, abs=2), pytest.approx(50, abs=2)]
    for priority in PRIORITIES:
        numbers = [int(name.removeprefix(f"me{priority}")) for name in first if priority in name]
        assert numbers == sorted(numbers)


def test_an_urgent_job_overtakes_its_clients_own_crowd() -> None:
    queue = filled(*many("me", 100))
    queue.pop()
    add(queue, Waiting("urgent", "me", 1.0, "high"))
    assert queue.place("urgent")[0] == 0


def test_a_requeued_job_goes_before_all_others_and_is_not_charged_twice() -> None:
    queue = filled(*many("a", 3), *many("b", 3))
    lost = queue.pop()
    queue.requeue(Waiting(lost, "a", 1.0))
    assert queue.place(lost) == (0, 0.0)
    assert drained(queue) == ["anormal0", "bnormal0", "anormal1", "bnormal1", "anormal2", "bnormal2"]


def test_both_bounds_count_held_places_and_tell_which_one_it_is() -> None:
    queue = FairQueue(3, 2)
    assert [queue.hold("a") for _ in range(3)] == [None, None, Bound.CLIENT]
    assert [queue.hold("b") for _ in range(2)] == [None, Bound.MODEL]
    queue.release("a")
    assert queue.hold("b") is None
    with pytest.raises(ValueError, match="no place is held for c"):
        queue.release("c")


def test_jobs_that_come_back_do_not_count_against_a_place_that_was_promised() -> None:
    queue = FairQueue(1, 1)
    assert queue.hold("a") is None
    queue.requeue(Waiting("lost", "b", 1.0))
    queue.add(Waiting("new", "a", 1.0))
    assert len(queue) == 2


def test_a_job_waits_once() -> None:
    queue = filled(Waiting("a", "me", 1.0))
    with pytest.raises(ValueError, match="waits already"):
        queue.requeue(Waiting("a", "me", 1.0))
    assert not queue.remove("unknown")
    with pytest.raises(KeyError):
        queue.place("unknown")
    queue.pop()
    with pytest.raises(KeyError):
        queue.pop()


jobs = st.builds(
    Waiting,
    id=st.uuids().map(str),
    client=st.sampled_from("abc"),
    cost=st.sampled_from([0.1, 1.0, 3.0, 7.5]),
    priority=st.sampled_from(PRIORITIES),
)


@given(st.lists(jobs, unique_by=lambda job: job.id, max_size=30), st.integers(0, 10))
def test_the_told_places_are_the_order_in_which_jobs_leave(waiting: list[Waiting], taken: int) -> None:
    queue = filled(*waiting)
    for _ in range(min(taken, len(queue))):
        queue.pop()
    left = [job for job in waiting if job.id in queue]
    costs = {job.id: job.cost for job in left}
    told = sorted(left, key=lambda job: queue.place(job.id)[0])
    ahead = {job.id: queue.place(job.id)[1] for job in left}
    order = drained(queue)
    assert order == [job.id for job in told]
    assert [ahead[name] for name in order] == pytest.approx(
        [sum(costs[before] for before in order[:number]) for number in range(len(order))]
    )


class Queue(RuleBasedStateMachine):
    """Whatever comes and goes, nothing is lost, nothing is there twice, and what is owed to no client is bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue(1000, 1000)
        self.waiting: dict[str, Waiting] = {}
        self.taken: list[Waiting] = []

    @rule(job=jobs)
    def add(self, job: Waiting) -> None:
        if job.id not in self.waiting:
            add(self.queue, job)
            self.waiting[job.id] = job

    @precondition(lambda self: self.waiting)
    @rule()
    def pop(self) -> None:
        self.taken.append(self.waiting.pop(self.queue.pop()))

    @precondition(lambda self: self.taken)
    @rule()
    def come_back(self) -> None:
        job = self.taken.pop()
        if job.id not in self.waiting:
            self.queue.requeue(job)
            self.waiting[job.id] = job

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.queue.remove(gone)
        del self.waiting[gone]

    @invariant()
    def it_holds_what_waits(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert self.queue.total() == pytest.approx(sum(job.cost for job in self.waiting.values()))
        assert sorted(self.queue.place(name)[0] for name in self.waiting) == list(range(len(self.waiting)))


TestQueue = Queue.TestCase
