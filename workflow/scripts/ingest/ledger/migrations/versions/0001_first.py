"""Runs, filesets and events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "results",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "runs",
        sa.Column("results_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("started", sa.String(40), primary_key=True),
        sa.Column("ended", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "filesets",
        sa.Column("results_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fileset", sa.String(100), primary_key=True),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("omero_fileset", sa.BigInteger),
        sa.Column("images", sa.Integer, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("results_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fileset", sa.String(100), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.String(40), nullable=False, index=True),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float),
    )
    op.create_table(
        "journals",
        sa.Column("results_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fileset", sa.String(100), primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    # Which run an event is of: the last that had begun.
    op.execute(
        "create view run_events as select e.*, (select max(r.started) from runs r where "
        "r.results_id = e.results_id and r.started <= e.time) as run from events e"
    )
