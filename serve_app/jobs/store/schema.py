"""The tables as they are now. Only what every SQL dialect has; :mod:`serve_app.jobs.store.migrations` makes them."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False, comment="the Router's start whose writes are accepted"),
    Column("attempt", Integer, nullable=False),
    Column("request", Text, nullable=False, comment="JobRequest, resolved, as JSON"),
    Column("created_at", Double, nullable=False, comment="seconds since 1970, UTC, as all times"),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("images", Text, nullable=False, comment="a JSON list of ImageRef"),
    Column("images_expired", Boolean, nullable=False, comment="nothing of the job is in the blob store any more"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("timings", Text, comment="a JSON object of seconds"),
    Column("last_seq", BigInteger, nullable=False, comment="seq of the terminal event, 0 before"),
    Column("client", String(200), nullable=False, server_default="@unknown", comment="who submitted it"),
    Column("idempotency_key", String(300), comment="how its client names this submission"),
    Column("fingerprint", String(64), comment="SHA-256 of what was submitted, where a repeat is to be recognised"),
    Column("losses", Integer, nullable=False, server_default="0", comment="attempts that ended with their replica"),
    Column("size", BigInteger, nullable=False, server_default="0", comment="bytes of its images"),
    Column("prompt_folded", Text, nullable=False, server_default="", comment="the prompt, as it is searched"),
    Index("jobs_by_age", "created_at", "id"),
    Index("jobs_by_model", "model", "created_at", "id"),
    Index("jobs_by_status", "status", "created_at", "id"),
    Index("jobs_by_end", "images_expired", "finished_at"),
    Index("jobs_by_client", "client", "created_at", "id"),
    Index("jobs_by_key", "client", "idempotency_key", unique=True),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

EPOCH = "epoch"
"""The row of ``counters`` that counts the starts of Routers, whatever models they serve."""

owners = Table(
    "owners",
    metadata,
    Column("model", String(200), primary_key=True),
    Column("epoch", BigInteger, nullable=False, comment="of the Router that takes this model's jobs"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True, comment="public: names the key in lists and logs"),
    Column("client", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True, comment="SHA-256 of the key, in hexadecimal digits"),
    Column("admin", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True, comment="the webhook's id, the same at each try"),
    Column("model", String(200), nullable=False, comment="whose Router sends it"),
    Column("job_id", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("host", String(255), nullable=False, comment="of the URL"),
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False, comment="those in vain so far"),
    Column("due_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("deliveries_by_due", "model", "due_at", "host"),
    Index("deliveries_by_job", "job_id"),
)
