"""What is kept in SQL: jobs, whose they are, what is still to be told of them, and the keys. Nobody else knows of a
database."""

from serve_app.jobs.store.database import Database
from serve_app.jobs.store.jobs import JobStore, Record, Superseded
from serve_app.jobs.store.keys import ApiKey, KeyStore
from serve_app.jobs.store.outbox import Outbox
from serve_app.jobs.store.pages import Models

__all__ = ["ApiKey", "Database", "JobStore", "KeyStore", "Models", "Outbox", "Record", "Superseded"]
