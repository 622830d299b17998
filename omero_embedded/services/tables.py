"""OMERO.tables: omero::grid::Table over omero-py's own storage (HDF5), in the store's folder."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import omero
import omero.grid
import omero.model
from omero.rtypes import rlong, rstring, unwrap

from omero_embedded.repository.files import row_folder
from omero_embedded.services.rawfiles import note_attachment
from omero_embedded.sessions.acting import actor_of
from omero_embedded.sessions.servant_map import ServantMap, Stateful
from omero_embedded.store import ALL_GROUPS, Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

MIMETYPE = "OMERO.tables"


class Tables:
    """Makes and opens tables. `folder` holds the files that are not in the repository, by id."""

    def __init__(self, store: Store, servants: ServantMap, folder: Path) -> None:
        self._store = store
        self._servants = servants
        self._folder = folder
        self._columns_known = False
        self._lock = threading.Lock()

    def new(self, call: Call, path: str) -> Any:
        """A table in a new OriginalFile of this path, in the caller's group."""
        where = PurePosixPath(path.strip("/") or "table")
        row = omero.model.OriginalFileI()
        row.name, row.path = rstring(where.name), rstring(row_folder(where))
        row.mimetype, row.size = rstring(MIMETYPE), rlong(0)
        with self._store.write(actor_of(call)) as work:
            saved = work.save(row)
        return self._open(call, saved)

    def open(self, call: Call, file: Any) -> Any:
        """The table in an OriginalFile. Raises omero.ValidationException when it is none."""
        with self._store.read(actor_of(call).in_group(ALL_GROUPS)) as work:
            row = work.get("OriginalFile", file.id.val)
        if unwrap(row.mimetype) != MIMETYPE:
            raise errors.validation(f"OriginalFile {row.id.val} is no table")
        return self._open(call, row)

    def _open(self, call: Call, row: Any) -> Any:
        # PyTables takes a third of a second to load, and hardly anyone needs it.
        from omero.hdfstorageV2 import HDFLIST
        from tables import NaturalNameWarning  # type: ignore[import-untyped]

        # Columns are called as OMERO.tables calls them, with spaces, on any server.
        warnings.simplefilter("ignore", NaturalNameWarning)
        self._know_columns()
        path = self._folder / str(row.id.val)
        writable = bool(row.details.permissions.canEdit())
        actor = actor_of(call).in_group(ALL_GROUPS)

        def note() -> None:
            note_attachment(self._store, actor, row, path)

        table = Table(row, writable, self._servants.communicator, note)
        table.storage = HDFLIST.getOrCreate(str(path), table, not writable)
        return self._servants.open_new(call.caller, "Table", omero.grid.Table, table)

    def _know_columns(self) -> None:
        from omero.columns import ObjectFactories

        with self._lock:
            if not self._columns_known:
                for factory in ObjectFactories.values():
                    factory.register(self._servants.communicator)
                self._columns_known = True


class Table(Stateful):
    """One client's use of a table. `note` records the file's size and digest when it is closed."""

    storage: Any

    def __init__(
        self, row: Any, writable: bool, communicator: Any, note: Callable[[], None]
    ) -> None:
        self._row = row
        self._writable = writable
        self._note = note
        self._is_open = True
        self._is_written = False
        # What the storage looks at of Ice's Current.
        self._current = SimpleNamespace(
            adapter=SimpleNamespace(getCommunicator=lambda: communicator), ctx={}
        )

    def getOriginalFile(self, call: Call) -> Any:
        return self._row

    def getHeaders(self, call: Call) -> Any:
        return self.storage.cols(None, self._current)

    def getNumberOfRows(self, call: Call) -> int:
        return int(self.storage.rows())

    def getWhereList(
        self, call: Call, condition: str, variables: Any, start: int, stop: int, step: int
    ) -> Any:
        stop = stop or self.getNumberOfRows(call)
        return self.storage.getWhereList(
            self._stamp(), condition, unwrap(variables), None, start, stop, step or None
        )

    def readCoordinates(self, call: Call, rows: Any) -> Any:
        return self.storage.readCoordinates(self._stamp(), rows, self._current)

    def read(self, call: Call, columns: Any, start: int, stop: int) -> Any:
        if (start, stop) == (0, 0):  # how clients ask for everything
            stop = self.getNumberOfRows(call)
        return self.storage.read(self._stamp(), columns, start, stop, self._current)

    def slice(self, call: Call, columns: Any, rows: Any) -> Any:
        return self.storage.slice(self._stamp(), columns, rows, self._current)

    def initialize(self, call: Call, columns: Any) -> None:
        self._changing().initialize(columns)

    def addColumn(self, call: Call, column: Any) -> int:
        # As in OMERO.server.
        raise errors.api_usage("columns cannot be added to a table")

    def addData(self, call: Call, columns: Any) -> None:
        self._changing().append(columns)

    def update(self, call: Call, data: Any) -> None:
        self._changing().update(self._stamp(), data)

    def getMetadata(self, call: Call, key: str) -> Any:
        return self.storage.get_meta_map().get(key)

    def getAllMetadata(self, call: Call) -> Any:
        return self.storage.get_meta_map()

    def setMetadata(self, call: Call, key: str, value: Any) -> None:
        self._changing().add_meta_map({key: value})

    def setAllMetadata(self, call: Call, values: Any) -> None:
        self._changing().add_meta_map(values, replace=True)

    def release(self) -> None:
        if self._is_open:
            self._is_open = False
            self.storage.decr(self)
            if self._is_written:
                self._note()

    def _changing(self) -> Any:
        if not self._writable:
            raise errors.security(f"OriginalFile {self._row.id.val} may not be changed")
        self._is_written = True
        return self.storage

    def _stamp(self) -> float:
        # The storage refuses who opened the table before its last change; here all see what is.
        return time.time()
