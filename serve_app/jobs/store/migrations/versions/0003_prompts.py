"""The prompts of jobs in a column of their own, to be searched; those of the jobs that there are, too."""

import json
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BATCH = 500


def upgrade() -> None:
    """Adds the column, and fills it in batches."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("prompt_folded", sa.Text, nullable=False, server_default=""))
    table = sa.table("jobs", sa.column("id"), sa.column("request"), sa.column("prompt_folded"))
    change = sa.update(table).where(table.c.id == sa.bindparam("job")).values(prompt_folded=sa.bindparam("prompt"))
    sql, after = op.get_bind(), ""
    while True:
        query = sa.select(table.c.id, table.c.request).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
        rows = sql.execute(query).all()
        if not rows:
            return
        sql.execute(change, [{"job": row.id, "prompt": _folded(row.request)} for row in rows])
        after = rows[-1].id


def _folded(request: str) -> str:
    prompt = unicodedata.normalize("NFC", json.loads(request)["generation"]["prompt"])
    return unicodedata.normalize("NFC", prompt.casefold()).replace("\0", "")
