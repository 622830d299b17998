"""Looks at all files, several at once, and chooses those whose bytes are read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingest.audit.disk import Look
from ingest.audit.expected import File
from ingest.audit.findings import Finding
from ingest.audit.permissions import writers
from ingest.audit.report import Audited
from ingest.audit.verified import DIFFERS, Verified
from ingest.chunks import in_chunks
from ingest.context import Context
from ingest.progress import tool_noted
from ingest.source_files import in_threads

AT_ONCE = 1_000  # files that are handed out together


def look_at_all(files: Sequence[File], audited: Audited, context: Context) -> list[Finding]:
    """What is wrong on disk. Notes when each file was read, for the next audit."""
    options = context.config.audit
    full = options.mode == "full"
    findings: list[Finding] = []
    folders: dict[str, tuple[bool, set[str]]] = {}
    verified = Verified(context.results)
    chosen = _chosen(files, verified.times, options.fraction) if full else set()
    size = sum(file.size for file in files if id(file) in chosen)
    with verified, tool_noted(context.progress, context.results, "audit", size):
        for some in in_chunks(files, AT_ONCE):

            def look(file: File) -> Look:
                advance = context.progress.advance
                seen = Look(file, id(file) in chosen, full, options.permissions, advance)
                context.progress.fileset_done()
                if seen.was_read:
                    differs = any(found.kind == "digest differs" for found in seen.findings)
                    verified.note(_key(file), DIFFERS if differs else _now())
                return seen

            for file, seen in zip(some, in_threads(look, some, context.threads), strict=True):
                findings += seen.findings
                audited.files += 1
                audited.read_files += seen.was_read
                audited.read_bytes += file.size * seen.was_read
                for folder, group_may in seen.folders.items():
                    before, filesets = folders.setdefault(folder, (group_may, set()))
                    folders[folder] = (before and group_may, filesets | {*file.filesets})
        times = [verified.times.get(_key(file), file.since) for file in files]
    audited.oldest = min((t for t in times if t != DIFFERS), default="") if full else ""
    for folder, (group_may, filesets) in sorted(folders.items()):
        findings += _folder(folder, group_may, filesets)
    return findings


def _chosen(files: Sequence[File], times: dict[str, str], fraction: float) -> set[int]:
    """Which files to read: `fraction` of the bytes, oldest first, and those that differed."""
    order = sorted(files, key=lambda file: times.get(_key(file), file.since))
    wanted = fraction * sum(file.size for file in files)
    chosen, size = set(), 0
    for file in order:
        if times.get(_key(file)) == DIFFERS:
            chosen.add(id(file))
        elif size < wanted:
            chosen.add(id(file))
            size += file.size
    return chosen


def _key(file: File) -> str:
    return file.names[0].path


def _folder(folder: str, group_may: bool, filesets: set[str]) -> list[Finding]:
    try:
        found = Path(folder).stat()
    except OSError:  # its files have told
        return []
    them = writers(folder, found, group_may)
    if not them:
        return []
    what = f"in the folder {folder}, files may be replaced by {them}"
    return [Finding("may be changed by others", tuple(sorted(filesets)), folder, what)]


def _now() -> str:
    return datetime.now(UTC).isoformat()
