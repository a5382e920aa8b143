"""How jobs are kept, and for how long."""

from pydantic import Field

from serve_app.settings.base import Settings


class RetentionSettings(Settings):
    """How long the images of jobs that have ended are kept: until the first of these bounds. Then they are 410."""

    max_age_s: float | None = Field(default=7 * 86400, gt=0, description="Since the job's end.")
    max_jobs: int | None = Field(default=1_000_000, ge=0, description="The newest so many jobs keep their images.")
    max_bytes: int | None = Field(default=100 * 2**30, ge=0, description="The newest jobs with images of so much.")
    forget_after_s: float | None = Field(
        default=90 * 86400, gt=0, description="Since a job's end, until nothing is known of it any more (404)."
    )
    sweep_every_s: float = Field(default=60, gt=0, description="Seconds between looks for what is due.")
    sweep_orphans_every_s: float = Field(
        default=6 * 3600, gt=0, description="Seconds between looks for images and pictures that belong to no job."
    )


class JobSettings(Settings):
    """How jobs are kept."""

    max_attempts: int = Field(
        default=3, ge=1, description="Replicas that one job may lose, until it fails as `interrupted`."
    )
    follow_within_s: float = Field(
        default=5,
        gt=0,
        description="A synchronous call's job that nobody has begun to follow for this long is cancelled.",
    )
    unavailable_after_s: float = Field(
        default=600,
        gt=0,
        description="Without any replica for this long, a model's jobs fail and new ones are refused (503).",
    )
    finished_logs: int = Field(default=256, ge=0, description="Finished jobs whose event logs stay in memory.")
    retention: RetentionSettings = RetentionSettings()
