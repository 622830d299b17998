"""What the runs of an intake recorded of the bytes that were handed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ingest.digests import digest_file
from ingest.intakes import Intake
from ingest.journal import JOURNAL, Journal, last_done

# Those by which bytes are told apart, the cheapest first.
_TELLING = ("BLAKE3", "Murmur3-128", "SHA1-160", "SHA2-256", "SHA2-512", "MD5-128")


def is_recorded(path: str, intake: Intake, fileset: str) -> bool:
    """Whether a run has read the very bytes that lie at `path` as a file of this fileset.

    Reads the whole file where there is something to compare it with. Raises OSError, and
    SourceChanged when it is written to.
    """
    known = {
        (algorithm, digests[algorithm])
        for digests in _digests(intake, fileset)
        for algorithm in [name for name in _TELLING if name in digests][:1]
    }
    if not known:
        return False
    found = digest_file(path, dict.fromkeys(algorithm for algorithm, _ in known)).digests
    return not known.isdisjoint(found.items())


def _digests(intake: Intake, fileset: str) -> Iterator[Mapping[str, str]]:
    """Of each file that was imported, and of each that was converted."""
    events = Journal(intake.results / JOURNAL).events(fileset)
    if done := last_done(events, "checksum"):
        yield from (file["digests"] for file in done["record"]["files"])
    if done := last_done(events, "convert"):
        conversion = done["record"]["facts"].get("conversion", {})
        yield from (file["digests"] for file in conversion.get("originals", ()))
