"""Which replica is asked first for a request's LoRAs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.engine.request import GenerationRequest, LoraRef
from deployments.messages import RunAttempt
from serve_app.handles.routing import LEAD, Standing, asked_for, ranks

ROOM = 2


def standing(*loras: str, ongoing: int | None = 0) -> Standing:
    return Standing(frozenset(loras), ongoing)


def test_who_holds_the_lora_comes_first_and_all_others_next() -> None:
    replicas = {"a": standing(), "b": standing("ink"), "c": standing("oil"), "d": standing("ink", "oil")}
    assert ranks({"ink"}, replicas, ROOM) == [["b", "d"], ["a", "c"]]


def test_of_several_loras_the_more_are_held_the_better() -> None:
    replicas = {"a": standing(), "b": standing("ink"), "c": standing("chalk"), "d": standing("chalk", "oil", "ink")}
    assert ranks({"ink", "oil"}, replicas, ROOM) == [["d"], ["b"], ["a", "c"]]


def test_who_holds_it_and_has_no_room_comes_after_all_who_have() -> None:
    replicas = {"a": standing("ink", ongoing=ROOM), "b": standing(ongoing=ROOM - 1)}
    assert ranks({"ink"}, replicas, ROOM) == [["b"], ["a"]]


def test_who_holds_it_and_is_far_busier_than_others_is_one_of_them() -> None:
    replicas = {
        "a": standing("ink", ongoing=LEAD + 2),
        "b": standing(ongoing=1),
        "c": standing("ink", ongoing=LEAD + 1),
    }
    assert ranks({"ink"}, replicas, room=16) == [["c"], ["a", "b"]]


def test_when_nobody_has_room_all_are_alike() -> None:
    replicas = {"a": standing("ink", ongoing=ROOM + 1), "b": standing(ongoing=ROOM)}
    assert ranks({"ink"}, replicas, ROOM) == [["a", "b"]]


def test_a_replica_whose_calls_are_not_known_may_have_room() -> None:
    replicas = {"a": standing(ongoing=0), "b": standing("ink", ongoing=None)}
    assert ranks({"ink"}, replicas, ROOM) == [["b"], ["a"]]


def test_without_replicas_there_is_no_rank() -> None:
    assert ranks({"ink"}, {}, ROOM) == []


names = st.frozensets(st.sampled_from(["ink", "oil", "chalk"]))


@given(names, st.lists(st.builds(Standing, names, st.none() | st.integers(0, 2 * ROOM)), max_size=6))
def test_every_replica_is_in_one_rank(asked: frozenset[str], standings: list[Standing]) -> None:
    replicas = dict(enumerate(standings))
    ranked = ranks(asked, replicas, ROOM)
    assert sorted(key for rank in ranked for key in rank) == list(replicas)
    assert all(ranked)


@pytest.mark.parametrize("loras", [(), ("ink",), ("ink", "oil")])
def test_a_call_asks_for_the_loras_of_its_attempt(loras: tuple[str, ...]) -> None:
    request = GenerationRequest(prompt="a red circle", loras=tuple(LoraRef(name=name) for name in loras))
    assert asked_for([RunAttempt(request, epoch=1, attempt=1)]) == set(loras)


def test_any_other_call_asks_for_none() -> None:
    assert asked_for([7, [("job", 1)]]) == set()
