"""What a check found out, and checks that cannot bring each other down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ingest.fileset import StageError

Status = Literal["ok", "note", "warn", "fix"]
STATUSES: tuple[Status, ...] = ("ok", "note", "warn", "fix")

_ODD = "Look at it by hand; what else doctor found holds all the same."


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` stops a run or endangers data, `warn` may do so, `note` is worth knowing."""

    status: Status
    check: str
    finding: str
    remedy: str = ""


def examined(check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What `look` finds; an error of its own is a finding too, after what it found before."""
    found: list[Finding] = []
    try:
        for finding in look():
            found.append(finding)
    except StageError as error:
        found.append(Finding("fix", check, error.cause, error.remedy))
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        found.append(Finding("warn", check, f"not checked: {error.strerror}{place}", _ODD))
    except Exception as error:
        # Only the kind: words of Ice may hold the session's key.
        found.append(Finding("warn", check, f"not checked ({type(error).__name__})", _ODD))
    return found
