"""What is kept in SQL: jobs, whose they are, and what is still to be told of them. Nobody else knows of a database."""

from serve_app.jobs.store.database import Database
from serve_app.jobs.store.jobs import JobStore, Models, Record, Superseded
from serve_app.jobs.store.outbox import Outbox

__all__ = ["Database", "JobStore", "Models", "Outbox", "Record", "Superseded"]
