"""The schema's history, one revision a file, for Alembic. A released revision is never changed."""
