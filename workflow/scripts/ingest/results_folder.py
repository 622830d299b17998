"""Whether the results folder takes what is to be written there, before anything begins."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from ingest.fileset import StageError

_NEEDED = 1 << 16  # bytes: less leaves no room for a log and what a tool has to say


def check_results_folder(folder: Path) -> None:
    """Raises StageError where nothing can be written: Snakemake, and jobs, would end in an error
    of the system that says nothing of what to do."""
    probe = folder / f".probe-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(bytes(_NEEDED))
    except OSError as error:
        raise StageError(
            f"the results folder {folder} cannot be written to: {error.strerror or error}",
            "Free space there, or have it mounted for writing; or set the option results to a "
            "folder that this account may write to.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
