import pytest

from deployments.engine.errors import ModelNotFound
from serve_app.jobs.fleet import LOST_KEPT_S, STALE_AFTER_S, Fleet
from serve_app.settings import ModelSettings
from tests.unit.serve_app.jobs.job_fakes import stats


@pytest.fixture
def fleet() -> Fleet:
    return Fleet([ModelSettings(id="sd15", prefetch=2), ModelSettings(id="sdxl")], created=5.0)


@pytest.mark.parametrize("name", ["sd15", "SD15", "v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5", None])
def test_a_model_is_found_by_id_alias_and_weights_and_the_first_is_the_default(fleet: Fleet, name: str | None) -> None:
    assert fleet.card(name).id == "sd15"


@pytest.mark.parametrize("name", ["flux-dev", "nonsense", ""])
def test_a_model_that_is_not_configured_is_not_found_though_the_catalog_has_it(fleet: Fleet, name: str) -> None:
    with pytest.raises(ModelNotFound) as refused:
        fleet.card(name)
    assert refused.value.served == ["sd15", "sdxl"]


def test_slots_are_batches_and_prefetch_of_the_live_replicas(fleet: Fleet) -> None:
    assert fleet.slots("sd15") == 0
    fleet.heartbeat([stats(replica="a", max_batch=8), stats(replica="b", max_batch=4)], "sd15", now=1)
    assert fleet.slots("sd15") == (8 + 2) + (4 + 2)
    assert fleet.slots("sdxl") == 0


def test_a_replica_missing_from_the_newest_answer_is_lost_and_shown_so_for_a_while(fleet: Fleet) -> None:
    fleet.heartbeat([stats(replica="a"), stats(replica="b")], "sd15", now=1)
    fleet.heartbeat([stats(replica="b")], "sd15", now=2)
    assert fleet.replicas("sd15") == 1
    assert {worker.stats.replica_id: worker.state for worker in fleet.workers(2)} == {"a": "lost", "b": "ready"}
    fleet.heartbeat([stats(replica="b")], "sd15", now=2 + LOST_KEPT_S)
    assert [worker.stats.replica_id for worker in fleet.workers(2 + LOST_KEPT_S)] == ["b"]


def test_a_replica_that_comes_back_is_ready_again(fleet: Fleet) -> None:
    fleet.heartbeat([stats(replica="a")], "sd15", now=1)
    fleet.heartbeat([], "sd15", now=2)
    fleet.heartbeat([stats(replica="a")], "sd15", now=3)
    assert [(worker.stats.replica_id, worker.state) for worker in fleet.workers(3)] == [("a", "ready")]


def test_a_heartbeat_that_is_long_ago_shows_as_lost(fleet: Fleet) -> None:
    fleet.heartbeat([stats()], "sd15", now=1)
    assert [worker.state for worker in fleet.workers(1 + STALE_AFTER_S)] == ["ready"]
    assert [worker.state for worker in fleet.workers(1.1 + STALE_AFTER_S)] == ["lost"]


def test_a_model_is_starting_then_ready_then_unavailable(fleet: Fleet) -> None:
    assert fleet.state("sd15") == "starting"
    fleet.heartbeat([], "sd15", now=1)
    assert fleet.state("sd15") == "starting"
    fleet.heartbeat([stats()], "sd15", now=2)
    assert fleet.state("sd15") == "ready"
    fleet.heartbeat([], "sd15", now=3)
    assert fleet.state("sd15") == "unavailable"
    fleet.heartbeat([], "sd15", now=3 + 2 * LOST_KEPT_S)
    assert fleet.state("sd15") == "unavailable"


def test_the_rate_is_the_cards_prior_until_a_replica_has_measured(fleet: Fleet) -> None:
    prior = fleet.card("sd15").seconds_per_row
    fleet.heartbeat([stats(seconds_per_row=None)], "sd15", now=1)
    assert fleet.seconds_per_row("sd15") == prior
    fleet.heartbeat(
        [
            stats(replica="a", seconds_per_row=0.1),
            stats(replica="b", seconds_per_row=0.3),
            stats(replica="c", seconds_per_row=None),
        ],
        "sd15",
        now=2,
    )
    assert fleet.seconds_per_row("sd15") == pytest.approx(0.2)


def test_the_card_is_what_the_replicas_weights_make_of_it(fleet: Fleet) -> None:
    fleet.heartbeat([stats(overrides={"default_size": [128, 128]})], "sd15", now=1)
    assert fleet.card("sd15").default_size == (128, 128)


def test_control_nets_are_known_before_the_first_replica() -> None:
    settings = ModelSettings(id="sd15", min_replicas=0, controlnets={"edges": "/c/edges", "depth": "/c/depth"})
    able = Fleet([settings], created=0).card("sd15").capabilities
    assert (able.controlnet, able.controlnets) == (True, ("edges", "depth"))


def test_the_loras_that_requests_may_name_are_those_that_a_replica_tells(fleet: Fleet) -> None:
    assert fleet.card("sd15").capabilities.loras == ()
    fleet.heartbeat([stats(overrides={"capabilities": {"loras": ("ink", "oil")}})], "sd15", now=1)
    assert fleet.card("sd15").capabilities.loras == ("ink", "oil")
    fleet.heartbeat([stats(overrides={"capabilities": {"loras": ("ink",)}})], "sd15", now=2)
    assert fleet.card("sd15").capabilities.loras == ("ink",)


def test_overrides_that_this_version_does_not_know_leave_the_card_as_it_is(fleet: Fleet) -> None:
    before = fleet.card("sd15")
    fleet.heartbeat([stats(overrides={"unknown": 1})], "sd15", now=1)
    assert fleet.card("sd15") == before
    assert fleet.state("sd15") == "ready"
