"""What is configured and which replicas are alive: pure, fed by heartbeats."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

from deployments.catalog import ModelCard, card_for, find_card
from deployments.engine.errors import ModelNotFound
from deployments.messages import ReplicaStats
from serve_app.settings import ModelSettings

logger = logging.getLogger(__name__)

ModelState = Literal["starting", "ready", "unavailable"]

STALE_AFTER_S = 10.0
"""A replica whose last heartbeat is older counts as lost in :meth:`Fleet.workers`, whatever the last sync said."""

LOST_KEPT_S = 300.0
"""How long a lost replica stays in :meth:`Fleet.workers`, so that an operator can see that it is gone."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A configured model: its effective card and how it stands.

    Attributes:
        created: seconds since the epoch.
        eta_s: estimated seconds until a picture with all defaults would be there, behind all that waits; ``None``
            without a replica.
    """

    card: ModelCard
    state: ModelState
    replicas: int
    queued: int
    running: int
    backlog_s: float
    created: float
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A replica's newest heartbeat and when it came (seconds since the epoch)."""

    stats: ReplicaStats
    state: Literal["ready", "lost"]
    last_heartbeat: float


class _Served:
    """One configured model and its replicas by id."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings
        card = card_for(settings.id, settings.weights)
        abilities: dict[str, Any] = {"lora": True} if settings.loras else {}
        if settings.controlnets:
            abilities |= {"controlnet": True, "controlnets": tuple(settings.controlnets)}
        self.configured = card.override({"capabilities": abilities}) if abilities else card
        self.card = self.configured
        self.live: dict[str, WorkerStatus] = {}
        self.lost: dict[str, WorkerStatus] = {}
        self.came_up = False
        self.seen: float | None = None  # when a replica last answered


class Fleet:
    """The configured models, in the order of the settings, and what their replicas last told.

    Every ``model`` argument below is a configured model's id; :meth:`card` finds the id for a client's name.

    Args:
        models: the configured models; the first is the default.
        created: when the application came up, seconds since the epoch.

    Raises:
        ValueError: the ``darkroom.json`` of a local weights folder is not valid.
    """

    def __init__(self, models: Sequence[ModelSettings], created: float) -> None:
        self._served = {model.id: _Served(model) for model in models}
        self.created = created

    @property
    def models(self) -> tuple[str, ...]:
        """The configured ids."""
        return tuple(self._served)

    def card(self, name: str | None) -> ModelCard:
        """The effective card of the model that a client calls ``name`` (id, alias or default weights); first if None.

        Raises:
            ModelNotFound: no configured model has this name.
        """
        if name is None:
            return next(iter(self._served.values())).card
        found = find_card(name)
        if found is None or found.id not in self._served:
            raise ModelNotFound(name, list(self._served))
        return self._served[found.id].card

    def settings(self, model: str) -> ModelSettings:
        """How ``model`` is configured."""
        return self._served[model].settings

    def heartbeat(self, stats: Sequence[ReplicaStats], model: str, now: float) -> None:
        """Take ``model``'s newest sync answer: those in ``stats`` are alive, replicas missing from it are lost."""
        served = self._served[model]
        live = {one.replica_id: WorkerStatus(one, "ready", now) for one in stats}
        for replica_id, worker in served.live.items():
            if replica_id not in live:
                served.lost[replica_id] = replace(worker, state="lost")
        served.lost = {
            replica_id: worker
            for replica_id, worker in served.lost.items()
            if replica_id not in live and now - worker.last_heartbeat <= LOST_KEPT_S
        }
        served.live = live
        if stats:
            served.came_up = True
            served.seen = now
            served.card = _overridden(served.configured, stats[-1].overrides)

    def slots(self, model: str) -> int:
        """Attempts that ``model``'s live replicas take together: the sum of their ``max_batch`` + ``prefetch``."""
        served = self._served[model]
        return sum(worker.stats.max_batch + served.settings.prefetch for worker in served.live.values())

    def seconds_per_row(self, model: str) -> float:
        """Seconds for one row of one forward at the card's default size: measured, else the card's prior."""
        served = self._served[model]
        measured = [one.stats.seconds_per_row for one in served.live.values() if one.stats.seconds_per_row is not None]
        return fmean(measured) if measured else served.card.seconds_per_row

    def replicas(self, model: str) -> int:
        """Live replicas."""
        return len(self._served[model].live)

    def deserted_s(self, model: str, now: float) -> float:
        """Seconds without any replica; 0 for a model that is meant to have none until it is asked for."""
        served = self._served[model]
        if served.live or served.settings.min_replicas == 0:
            return 0.0
        return now - (self.created if served.seen is None else served.seen)

    def state(self, model: str) -> ModelState:
        """``ready`` with a live replica, ``starting`` before the first came, ``unavailable`` after the last went."""
        served = self._served[model]
        if served.live:
            return "ready"
        return "unavailable" if served.came_up else "starting"

    def workers(self, now: float) -> list[WorkerStatus]:
        """Every replica that lives or was lost within :data:`LOST_KEPT_S`, model by model."""
        return [
            replace(worker, state="lost") if now - worker.last_heartbeat > STALE_AFTER_S else worker
            for served in self._served.values()
            for worker in (*served.live.values(), *served.lost.values())
            if worker.state == "ready" or now - worker.last_heartbeat <= LOST_KEPT_S
        ]


def _overridden(card: ModelCard, overrides: dict[str, Any]) -> ModelCard:
    """``card`` as its replica's weights change it; unchanged if a replica of another version tells unknown fields."""
    try:
        return card.override(overrides)
    except ValueError as error:
        logger.warning("model %s: a replica's overrides do not apply: %s", card.id, error)
        return card
