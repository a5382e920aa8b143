"""Whose a job is, how it is recognised when it comes again, who owns a model's jobs, API keys, and webhooks to send."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add to each job its client, key, losses and size; add the tables of owners, API keys and deliveries."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("client", sa.String(200), nullable=False, server_default="@unknown"))
        jobs.add_column(sa.Column("idempotency_key", sa.String(300)))
        jobs.add_column(sa.Column("fingerprint", sa.String(64)))
        jobs.add_column(sa.Column("losses", sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("size", sa.BigInteger, nullable=False, server_default="0"))
        jobs.create_index("jobs_by_client", ["client", "created_at", "id"])
        jobs.create_index("jobs_by_key", ["client", "idempotency_key"], unique=True)
    op.create_table(
        "owners",
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_index("deliveries_by_due", "deliveries", ["model", "due_at", "host"])
    op.create_index("deliveries_by_job", "deliveries", ["job_id"])
