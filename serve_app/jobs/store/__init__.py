"""What is kept in SQL: the jobs, and whose they are. The only place that knows that there is a database."""

from serve_app.jobs.store.database import Database
from serve_app.jobs.store.jobs import JobStore, Models, Record, Superseded

__all__ = ["Database", "JobStore", "Models", "Record", "Superseded"]
