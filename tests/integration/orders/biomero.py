"""Orders as OMERO.biomero's web page gives them, by the code of biomero-importer that it calls."""

from __future__ import annotations

import uuid
from typing import Any

from biomero_importer.utils.ingest_tracker import STAGE_NEW_ORDER, IngestionTracking, IngestTracker
from sqlalchemy import select, text


class Biomero:
    def __init__(self, address: str) -> None:
        self.tracker = IngestTracker({"ingest_tracking_db": address})

    def order(self, files: Any, **fields: Any) -> str:
        """Gives an order and returns its uuid; the fields are those of the web page."""
        order = {
            "Group": "system",
            "Username": "root",
            "DestinationID": 1,
            "DestinationType": "Dataset",
            "UUID": str(uuid.uuid4()),
            "Files": files,
            **fields,
        }
        assert self.tracker.db_log_ingestion_event(order, STAGE_NEW_ORDER)
        return order["UUID"]

    def execute(self, sql: str, **values: Any) -> None:
        with self.tracker.engine.begin() as connection:
            connection.execute(text(sql), values)

    def steps(self, order: str) -> list[IngestionTracking]:
        """All rows of an order, by time as the web page shows them."""
        wanted = select(IngestionTracking).where(IngestionTracking.uuid == order)
        with self.tracker.Session() as session:
            return list(session.scalars(wanted.order_by(IngestionTracking.timestamp)))

    def stages(self, order: str) -> list[str]:
        return [step.stage for step in self.steps(order)]

    def last(self, order: str) -> IngestionTracking:
        return self.steps(order)[-1]
