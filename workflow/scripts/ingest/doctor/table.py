"""results/doctor.txt and results/doctor.json."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.doctor.findings import STATUSES, Finding
from ingest.tool_words import write_words
from ingest.words import counted, printable

WIDTH = 100
_INDENT = 21  # of findings: status and check stand before them


def write(results: Path, findings: Sequence[Finding]) -> None:
    """Writes results/doctor.txt and doctor.json."""
    write_words(results, "doctor", table(findings, results), _facts(findings))


def table(findings: Sequence[Finding], results: Path) -> str:
    """What must be fixed stands last, next to the prompt."""
    lines = []
    for finding in sorted(findings, key=lambda each: STATUSES.index(each.status)):
        head = f"{finding.status:<5} {finding.check:<14} "
        lines += _wrapped(head, finding.finding)
        if finding.remedy:
            lines += _wrapped(" " * _INDENT + "-> ", finding.remedy)
    return "\n".join([*lines, "", summed_up(findings, results)]) + "\n"


def summed_up(findings: Sequence[Finding], results: Path) -> str:
    """The last line: whether a run may begin."""
    count = Counter(finding.status for finding in findings)
    if count["fix"]:
        words = f"{counted(count['fix'], 'thing')} must be fixed before a run"
    else:
        words = "Nothing needs fixing before a run"
    also = f" ({count['warn']} to look at)" if count["warn"] else ""
    return f"{words}{also}: {results / 'doctor.json'} has it all."


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        printable(" ".join(text.split())),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * (len(head) if head.strip() == "->" else _INDENT),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _facts(findings: Sequence[Finding]) -> dict[str, Any]:
    count = Counter(finding.status for finding in findings)
    return {
        "checked": datetime.now(UTC).isoformat(),
        **{status: count[status] for status in STATUSES},
        "findings": [asdict(finding) for finding in findings],
    }
