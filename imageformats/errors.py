"""Why an image cannot be read."""

from __future__ import annotations


class UnreadableImage(Exception):
    """A file that Bio-Formats cannot open or read.

    `unknown_format` is True when no reader recognises the file (a text file, a thumbnail cache);
    False when a reader does and then fails (a truncated or corrupt file, a missing companion).
    """

    def __init__(self, path: str, reason: str, unknown_format: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.unknown_format = unknown_format


class TookTooLong(UnreadableImage):
    """A file with which Bio-Formats did not come to an end in time."""

    def __init__(self, path: str, limit: float) -> None:
        super().__init__(path, f"Bio-Formats had not opened it after {limit:g} seconds")
