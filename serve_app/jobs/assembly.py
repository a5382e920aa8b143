"""How a job service is put together: the one place that knows all its parts."""

import time
from collections.abc import Callable, Collection

from deployments.blobs import BlobStore
from deployments.checkpoints import Checkpoints
from serve_app.jobs.deadlines import Deadlines
from serve_app.jobs.dispatch import Dispatcher
from serve_app.jobs.ending import Ending
from serve_app.jobs.entry import Entry
from serve_app.jobs.fleet import Fleet
from serve_app.jobs.lanes import Lanes
from serve_app.jobs.lifecycle import Lifecycle
from serve_app.jobs.live import LiveJobs
from serve_app.jobs.observer import Observe, unobserved
from serve_app.jobs.recovery import Recovery
from serve_app.jobs.rounds import Round
from serve_app.jobs.runner import Runner
from serve_app.jobs.service import JobService
from serve_app.jobs.store import JobStore, Models
from serve_app.jobs.sweep import Sweeper
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.watch import Watch
from serve_app.jobs.webhooks.courier import Courier
from serve_app.settings import JobSettings, WebhookSettings


def assemble(
    *,
    store: JobStore,
    blobs: BlobStore,
    fleet: Fleet,
    runner: Runner,
    settings: JobSettings,
    webhooks: WebhookSettings,
    elsewhere: Collection[str] = (),
    is_first: bool = True,
    observe: Observe = unobserved,
    clock: Callable[[], float] = time.time,
    watch_every_s: float = 1.0,
) -> JobService:
    """A service that is still to be started.

    Args:
        store: the jobs in SQL, over an open database.
        blobs: where the replicas put the images; here they are only deleted.
        fleet: the models whose jobs these are; :meth:`JobService.heartbeat` feeds it.
        runner: runs attempts on replicas.
        settings: how jobs are kept.
        webhooks: how other systems are told of them.
        elsewhere: models whose jobs other services of this database have.
        is_first: this service also looks after retention, and after what no service has; one does, for a database.
        observe: sees what happens (:mod:`serve_app.jobs.observer`).
        clock: seconds since the epoch (UTC).
        watch_every_s: seconds between looks at positions, orphans and the time.
    """

    def deserted(model: str) -> bool:
        return fleet.deserted_s(model, clock()) > settings.unavailable_after_s

    tasks, tenure = Tasks(), Tenure()
    jobs, lanes = LiveJobs(settings.finished_logs), Lanes(fleet)
    checkpoints = Checkpoints(blobs)
    ending = Ending(
        store=store,
        checkpoints=checkpoints,
        lanes=lanes,
        jobs=jobs,
        tasks=tasks,
        tenure=tenure,
        observe=observe,
        clock=clock,
    )
    dispatcher = Dispatcher(
        store=store,
        runner=runner,
        checkpoints=checkpoints,
        lanes=lanes,
        jobs=jobs,
        ending=ending,
        tasks=tasks,
        tenure=tenure,
        observe=observe,
        max_attempts=settings.max_attempts,
        clock=clock,
    )
    deadlines = Deadlines(ending=ending, tasks=tasks, clock=clock)
    entry = Entry(
        store=store,
        lanes=lanes,
        jobs=jobs,
        dispatcher=dispatcher,
        deadlines=deadlines,
        tenure=tenure,
        observe=observe,
        clock=clock,
    )
    recovery = Recovery(
        store=store, checkpoints=checkpoints, fleet=fleet, lanes=lanes, jobs=jobs, deadlines=deadlines, clock=clock
    )
    watch = Watch(
        jobs=jobs,
        lanes=lanes,
        ending=ending,
        deserted=deserted,
        follow_within_s=settings.follow_within_s,
        clock=clock,
    )
    rounds = [Round(watch.look, watch_every_s)]
    if is_first:
        retention = settings.retention
        sweeper = Sweeper(store=store, blobs=blobs, retention=retention, clock=clock)
        rounds += [
            Round(sweeper.sweep, retention.sweep_every_s),
            # it reads through the whole store: not at each start
            Round(sweeper.sweep_orphans, retention.sweep_orphans_every_s, after_s=retention.sweep_orphans_every_s),
        ]
    courier = Courier(webhooks, store=store, tasks=tasks, clock=clock, observe=observe, look_every_s=watch_every_s)
    tenure.when_over(courier.stop)
    tenure.when_over(jobs.hand_over)
    lifecycle = Lifecycle(
        store=store,
        models=fleet.models,
        served={*fleet.models, *elsewhere} if is_first else None,
        recovery=recovery,
        rounds=rounds,
        courier=courier,
        tenure=tenure,
        tasks=tasks,
    )
    return JobService(
        store=store,
        blobs=blobs,
        fleet=fleet,
        lanes=lanes,
        jobs=jobs,
        entry=entry,
        ending=ending,
        dispatcher=dispatcher,
        lifecycle=lifecycle,
        tenure=tenure,
        tasks=tasks,
        deserted=deserted,
        # what belongs to nobody is shown by the first
        listed=Models.but(*elsewhere) if is_first else Models.only(*fleet.models),
        webhooks=webhooks,
        observe=observe,
        clock=clock,
    )
