"""The audit's words: audit.txt for people, audit.json and audit.csv for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.atomic import write_text
from ingest.audit.findings import Finding
from ingest.csv_text import csv_text
from ingest.tool_words import write_words
from ingest.words import counted, size, some

SHOWN = 200  # findings in audit.txt: it is shown on the terminal
NAMED = 5  # filesets of one finding there


@dataclass(slots=True)
class Audited:
    """What an audit did: counts, bytes that were read again, and what it could not look at."""

    what: str
    mode: str
    filesets: int = 0
    files: int = 0
    read_files: int = 0
    read_bytes: int = 0
    in_flight: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    oldest: str = ""  # when the file that was not read for longest was read


def write_report(results: Path, audited: Audited, findings: Sequence[Finding]) -> None:
    """Writes results/audit.csv, audit.json and audit.txt."""
    write_text(results / "audit.csv", _table(findings))
    write_words(results, "audit", _words(results, audited, findings), _facts(audited, findings))


def _words(results: Path, audited: Audited, findings: Sequence[Finding]) -> str:
    lines = [
        f"Audit of {audited.what}, mode {audited.mode}: {counted(audited.filesets, 'fileset')}, "
        f"{counted(audited.files, 'file')}, {audited.read_files:,} of them read again "
        f"({size(audited.read_bytes)}).",
    ]
    if audited.oldest:
        lines.append(f"Every file has been read since {audited.oldest[:16].replace('T', ' ')} UTC.")
    if audited.in_flight:
        lines.append(
            f"Not checked, because in flight or interrupted (run the workflow again to finish "
            f"them): {some(audited.in_flight, 'filesets', NAMED)}."
        )
    lines += audited.notes
    if not findings:
        return "\n".join([*lines, "No problems were found."]) + "\n"
    lines.append(f"{counted(len(findings), 'finding')}:")
    counts = Counter(finding.kind for finding in findings)
    lines += [f"  {number:6d}  {kind}" for kind, number in sorted(counts.items())]
    for finding in findings[:SHOWN]:
        lines += [
            "",
            f"{finding.kind}: {some(finding.filesets, 'filesets', NAMED)}",
            f"  {finding.what}.",
        ]
        if finding.also:
            lines.append(f"  The same file: {', '.join(finding.also)}.")
        lines.append(f"  remedy: {finding.help}")
    if len(findings) > SHOWN:
        lines += ["", f"{len(findings) - SHOWN} more are in {results / 'audit.csv'}."]
    return "\n".join(lines) + "\n"


def _facts(audited: Audited, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "what": audited.what,
        "mode": audited.mode,
        "filesets": audited.filesets,
        "files": audited.files,
        "read_files": audited.read_files,
        "read_bytes": audited.read_bytes,
        "every_file_read_since": audited.oldest,
        "in_flight": audited.in_flight,
        "notes": audited.notes,
        "findings": [
            {
                "kind": finding.kind,
                "filesets": finding.filesets,
                "file": finding.file,
                "also": finding.also,
                "what": finding.what,
                "remedy": finding.help,
            }
            for finding in findings
        ],
    }


def _table(findings: Sequence[Finding]) -> str:
    return csv_text(
        ("kind", "filesets", "file", "also", "what", "remedy"),
        (
            (each.kind, each.filesets, each.file, each.also, each.what, each.help)
            for each in findings
        ),
    )
