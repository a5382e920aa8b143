"""Alembic's hook: runs the revisions on the connection that :class:`serve_app.jobs.store.database.Database` gives."""

from alembic import context

from serve_app.jobs.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
