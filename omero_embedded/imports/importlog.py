"""The log that OMERO keeps beside every imported fileset."""

from __future__ import annotations

import datetime
from pathlib import Path


class ImportLog:
    def __init__(self, path: Path) -> None:
        self._path = path

    def info(self, message: str) -> None:
        self._write("INFO", message)

    def warn(self, message: str) -> None:
        self._write("WARN", message)

    def error(self, message: str) -> None:
        self._write("ERROR", message)

    def _write(self, level: str, message: str) -> None:
        moment = datetime.datetime.now().isoformat(" ", "milliseconds")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{moment} {level} {message}\n")
