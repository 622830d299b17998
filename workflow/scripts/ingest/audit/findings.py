"""What an audit can find, in words, and what helps against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "missing",
    "dangling link",
    "link leads elsewhere",
    "replaced",
    "changed",
    "size differs",
    "digest differs",
    "unreadable",
    "may be changed by others",
    "not protected",
    "lost by OMERO",
    "known otherwise by OMERO",
    "never finished",
    "unknown to OMERO",
    "conversion record lost",
    "journal lost",
]

_PUT_BACK = "Restore the file from a backup. If all of the storage has moved: snakemake relink."
_AGAIN = (
    "Or remove the fileset from OMERO (snakemake rollback) and import it again from intact files."
)
REMEDIES: dict[Kind, str] = {
    "missing": f"{_PUT_BACK} {_AGAIN}",
    "dangling link": f"{_PUT_BACK} {_AGAIN}",
    "link leads elsewhere": "Find out who changed it, and make it lead to its file again. If all "
    "of the storage has moved: snakemake relink.",
    "replaced": f"Find out what took its place, and put back what was there. {_AGAIN}",
    "changed": "An audit with mode full reads the file and tells whether its bytes are the same.",
    "size differs": f"The bytes are not those that were imported. {_PUT_BACK} {_AGAIN}",
    "digest differs": "The bytes are not those that were imported: something wrote to the file, or "
    f"the disk is faulty. {_PUT_BACK} {_AGAIN}",
    "unreadable": "Give the account that audits, and OMERO's, permission to read it; if they have "
    "it, check the disk.",
    "may be changed by others": "chmod g-w,o-w (or setfacl -b) removes that permission; "
    "transfer.protect does so as files are transferred.",
    "not protected": "Find out who changed its mode, then chmod a-w.",
    "lost by OMERO": "If it was deleted on purpose, remove its row from the manifest; otherwise "
    "run the workflow again to import it.",
    "known otherwise by OMERO": "This cannot be changed from here: ask OMERO's administrator. Or "
    "remove the fileset from OMERO (snakemake rollback) and import it again.",
    "never finished": "Run the workflow again with the results folder that it belongs to; if that "
    "is gone, delete the fileset in OMERO.",
    "unknown to OMERO": "Find out who put it there. OMERO does not need it, but it may be all that "
    "is left of a fileset that was deleted.",
    "journal lost": "Restore the file from a backup: it says what is in OMERO. Without it, a "
    "later run may import the row a second time.",
    "conversion record lost": "Restore the file from a backup: without it, a later run does not "
    "recognise the folder as its own.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `filesets` are ids of rows, or `Fileset:<id>` for those that only OMERO knows; `file` is the
    path that is concerned, empty when it is the fileset as a whole; `also` are other names of the
    same file; `what` is a sentence without its end.
    """

    kind: Kind
    filesets: tuple[str, ...]
    file: str
    what: str
    also: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def help(self) -> str:
        return self.remedy or REMEDIES[self.kind]


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding of one kind about one file once, for all the filesets that it concerns."""
    found: dict[tuple[str, ...], Finding] = {}
    for each in findings:
        key = (each.kind, each.file) if each.file else (each.kind, each.what, *each.filesets)
        before = found.get(key)
        if before:
            filesets = tuple(dict.fromkeys(before.filesets + each.filesets))
            found[key] = replace(before, filesets=filesets)
        else:
            found[key] = each
    return sorted(found.values(), key=lambda each: (each.filesets, each.file, each.kind))
