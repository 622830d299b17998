"""Who does which order: claims, and the rows that tell of each step.

Any number of pollers may be at work on one database. An order is theirs whose row in
`ingest_claims` it is, which only one can insert; what comes of it is written together with the end
of that claim, in one transaction. There is no "last id seen": an order is open as long as it is
pending, unclaimed, and nobody has written a later step of it, whenever and in whatever order it was
committed.

A pending row that comes after the end of an order is the order given again, which people do by
`UPDATE imports SET stage = 'Import Pending' WHERE uuid = ...`. It goes back to its own intake,
where the journal knows what was imported.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Engine, Select, exists, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from ingest.orders.tables import (
    COMPLETED,
    FAILED,
    PENDING,
    PREPROCESSING,
    STARTED,
    claims,
    imports,
    preprocessing,
)

TAKEN = "taken"
CONVERTING = "preprocessing"
OPEN_STATES = (TAKEN, CONVERTING)
ENDED_STATES = ("completed", "failed")

Row = Mapping[str, Any]  # of `imports`, with the columns of its preprocessing


def open_orders(engine: Engine, owner: str) -> list[int]:
    """Ids of the pending rows that `owner` may take, oldest first."""
    claimed = (
        exists()
        .where(claims.c.uuid == imports.c.uuid)
        .where(
            (claims.c.import_id >= imports.c.id)
            | claims.c.state.not_in(ENDED_STATES)
            | (claims.c.owner != owner)
        )
    )
    wanted = (
        select(imports.c.id)
        .where(imports.c.stage == PENDING, imports.c.uuid.is_not(None), ~claimed, ~_went_on())
        .order_by(imports.c.id)
    )
    with engine.connect() as connection:
        return list(connection.scalars(wanted))


def take(engine: Engine, import_id: int, owner: str) -> Row | None:
    """Takes the order of a pending row and tells that it is started; None when another has it."""
    row_lock = (
        select(imports.c.uuid)
        .where(imports.c.id == import_id, imports.c.stage == PENDING)
        .with_for_update(skip_locked=True)
    )
    with engine.begin() as connection:
        uuid = connection.scalar(row_lock)
        if uuid is None or not _claim(connection, import_id, uuid, owner):
            return None
        # Asked with the claim in hand: nobody can end the order in between.
        if connection.scalar(select(literal(1)).where(imports.c.id == import_id, _went_on())):
            connection.rollback()
            return None
        row = connection.execute(_order(import_id)).one()._asdict()
        _tell(connection, row, STARTED)
        return row


def mine(engine: Engine, owner: str) -> list[Row]:
    """The orders that `owner` has taken and not ended, oldest first."""
    wanted = (
        _order()
        .join(claims, claims.c.import_id == imports.c.id)
        .where(claims.c.owner == owner, claims.c.state.in_(OPEN_STATES))
        .order_by(imports.c.id)
    )
    with engine.connect() as connection:
        return [row._asdict() for row in connection.execute(wanted)]


def others(engine: Engine, owner: str) -> list[Row]:
    """Orders that were begun and not ended by anybody else: `uuid`, `host` (empty when it was not
    one of these programs) and `since`."""
    started = select(imports.c.uuid, func.max(imports.c.timestamp).label("since")).group_by(
        imports.c.uuid
    )
    ended = started.having(func.bool_or(imports.c.stage.in_((COMPLETED, FAILED))))
    begun = started.having(func.bool_or(imports.c.stage.in_((STARTED, PREPROCESSING)))).subquery()
    ended_uuids = ended.with_only_columns(imports.c.uuid)
    wanted = (
        select(begun.c.uuid, begun.c.since, func.coalesce(claims.c.host, "").label("host"))
        .join_from(begun, claims, claims.c.uuid == begun.c.uuid, isouter=True)
        .where(
            ((claims.c.uuid.is_(None)) & begun.c.uuid.not_in(ended_uuids))
            | ((claims.c.owner != owner) & claims.c.state.in_(OPEN_STATES))
        )
        .order_by(begun.c.since)
    )
    with engine.connect() as connection:
        return [row._asdict() for row in connection.execute(wanted)]


def converting(engine: Engine, row: Row) -> None:
    """Tells, once, that the order's converter is at work."""
    with engine.begin() as connection:
        if _change(connection, row["uuid"], (TAKEN,), state=CONVERTING):
            _tell(connection, row, PREPROCESSING)


def end(engine: Engine, row: Row, problem: str = "") -> None:
    """Tells, once, that the order is done, or that it failed and why."""
    state = "failed" if problem else "completed"
    with engine.begin() as connection:
        if _change(connection, row["uuid"], OPEN_STATES, state=state, ended=func.clock_timestamp()):
            _tell(connection, row, FAILED if problem else COMPLETED, problem or None)


def _went_on() -> Any:
    """Whether there is a later step of a row's order."""
    later = imports.alias("later")
    return (
        exists()
        .where(later.c.uuid == imports.c.uuid, later.c.id > imports.c.id)
        .where(later.c.stage != PENDING)
        .correlate(imports)
    )


def _claim(connection: Connection, import_id: int, uuid: str, owner: str) -> bool:
    values = {"import_id": import_id, "owner": owner, "host": socket.gethostname(), "state": TAKEN}
    statement = insert_or(claims).values(uuid=uuid, **values)
    statement = statement.on_conflict_do_update(
        index_elements=[claims.c.uuid],
        set_={**values, "taken": func.clock_timestamp(), "ended": None},
        where=(claims.c.import_id < import_id)
        & claims.c.state.in_(ENDED_STATES)
        & (claims.c.owner == owner),
    )
    return connection.scalar(statement.returning(claims.c.uuid)) is not None


def _change(connection: Connection, uuid: str, states: Sequence[str], **values: Any) -> bool:
    statement = update(claims).where(claims.c.uuid == uuid, claims.c.state.in_(states))
    return connection.scalar(statement.values(**values).returning(claims.c.uuid)) is not None


def _order(import_id: int | None = None) -> Select[Any]:
    columns = [column for column in preprocessing.columns if column.name != "id"]
    joined = imports.join(preprocessing, isouter=True)
    found = select(*imports.columns, *columns).select_from(joined)
    return found if import_id is None else found.where(imports.c.id == import_id)


def _tell(connection: Connection, row: Row, stage: str, description: str | None = None) -> None:
    """Adds a step as the original importer does: a row with all that the pending one has.

    The time is the clock's and not the transaction's, so that steps stand in their order.
    """
    copied = ("group_name", "user_name", "destination_id", "destination_type", "uuid",
              "preprocessing_id")  # fmt: skip
    connection.execute(
        insert(imports).values(
            **{name: row[name] for name in copied},
            stage=stage,
            timestamp=func.clock_timestamp(),
            files=row["files"],
            file_names=row["file_names"] if stage == STARTED else _shortened(row["files"]),
            description=description,
        )
    )


def _shortened(files: Any) -> str:
    """The names of the files as the web page shows them: of more than two, the first and last."""
    try:
        found = json.loads(files)
        names = [PurePosixPath(path).name for path in found] if isinstance(found, list) else []
    except (TypeError, ValueError, RecursionError):
        names = []
    return json.dumps([names[0], "...", names[-1]] if len(names) > 2 else names)
