"""Which replica takes a call: one that has the request's LoRAs in memory, where one is free.

The Router's process runs this, inside Serve's handle to a model. Serve tries the ranks one after the other and waits
only when the last has nobody free, so a replica that is full never holds a request back. It copies this module there
by value: what is kept between calls must be kept by the router object.
"""

import random
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from ray.serve.request_router import LocalityMixin, PendingRequest, RequestRouter, RunningReplica

from deployments.messages import HELD_LORAS, RunAttempt

CHOICES = 2
"""Replicas of a rank whose queues Serve compares: "the power of two choices", as its own router does."""

LEAD = 2
"""Calls that a holder may have more than the least busy replica: reading a LoRA costs less than waiting for long."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a replica stands: the LoRAs in its memory and the calls it has; ``None`` when these are not known."""

    loras: Set[str]
    ongoing: int | None


def ranks(asked: Set[str], replicas: Mapping[K, Standing], room: int) -> list[list[K]]:
    """The keys of ``replicas`` for a request that asks for the LoRAs ``asked``, best rank first.

    First those with less than ``room`` calls: who holds all that is asked, then who holds one less, down to who holds
    none, or is busier than others by more than :data:`LEAD`. Last, all others in one rank: where the request has to
    wait, it loads LoRAs meanwhile.
    """
    calls = {key: one.ongoing or 0 for key, one in replicas.items()}
    most = min(calls.values(), default=0) + LEAD
    free = {
        key: len(asked & one.loras) if calls[key] <= most else 0 for key, one in replicas.items() if calls[key] < room
    }
    by_held = [[key for key, held in free.items() if held == count] for count in range(len(asked), -1, -1)]
    return [rank for rank in (*by_held, [key for key in replicas if key not in free]) if rank]


def asked_for(args: Iterable[Any]) -> frozenset[str]:
    """The LoRAs that a call with these arguments asks for; none, unless it is an attempt at a job."""
    return frozenset(lora.name for arg in args if isinstance(arg, RunAttempt) for lora in arg.request.loras)


class LoraRequestRouter(LocalityMixin, RequestRouter):
    """Serve's request router for a model with LoRAs. A call without any gets Serve's own choice between two.

    Not first in, first out, as Serve's own is: there, whoever waits longest gets the replica that was chosen for
    another. The job queue has put calls in their order already.
    """

    def initialize_state(self, room: int) -> None:
        """``room``: calls that a replica runs at once; what it takes beyond them waits there."""
        self._room = room

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """See Serve's ``RequestRouter.choose_replicas``."""
        asked = asked_for(pending_request.args) if pending_request is not None else frozenset()
        if pending_request is None or not asked:
            near = self.apply_locality_routing(pending_request)
            return [_some([replica for replica in candidate_replicas if replica.replica_id in near])]
        # All replicas are in these ranks: when nobody took the call, Serve must wait a little before it asks again.
        pending_request.routing_context.should_backoff = True
        by_id = {replica.replica_id: replica for replica in candidate_replicas}
        standings = {key: self._standing(replica) for key, replica in by_id.items()}
        return [_some([by_id[key] for key in rank]) for rank in ranks(asked, standings, self._room)]

    def _standing(self, replica: RunningReplica) -> Standing:
        # Calls are counted by this router, the only one that sends any; each heartbeat keeps the count from expiring.
        ongoing = self.replica_queue_len_cache.get(replica.replica_id)
        return Standing(frozenset(replica.routing_stats.get(HELD_LORAS, ())), ongoing)


def _some(rank: list[RunningReplica]) -> list[RunningReplica]:
    return random.sample(rank, min(CHOICES, len(rank)))
