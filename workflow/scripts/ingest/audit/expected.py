"""What should be on disk: of each file, its bytes and every name that they should have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ingest.audit.findings import Finding
from ingest.audit.omero_word import Word
from ingest.conversion import place
from ingest.fileset import SourceFile
from ingest.import_transfers import way
from ingest.imported import ImportedRow
from ingest.omero.client_paths import client_path
from ingest.omero.queries import Entry
from ingest.omero.repository import ManagedRepository

Role = Literal["source", "stored file", "repository file"]


@dataclass(frozen=True, slots=True)
class Name:
    """A path that should lead to the bytes.

    `mtime_ns` and `inode` are of the file it leads to, None when nobody noted them; a copy's time
    is only `about` its source's, for some file systems round it. `link` says whether it is one;
    `leads_to` is what a link was made to lead to, empty when nobody noted it. `read_only` says that
    the file was left without a right to write, `access` has its owner and mode then, and
    `link_owner` the owner of the link, where noted.
    """

    path: str
    role: Role
    mtime_ns: int | None = None
    inode: int | None = None
    about: bool = False
    link: Literal["must", "may", "never"] = "may"
    leads_to: str = ""
    read_only: bool = False
    access: tuple[int, int] | None = None
    link_owner: int | None = None


@dataclass(slots=True)
class File:
    """A file of one fileset, or of several that share it: `size` in bytes, `digests` by algorithm,
    and `since` when they were last known to be right."""

    filesets: tuple[str, ...]
    size: int
    digests: Mapping[str, str]
    names: list[Name]
    since: str = ""


@dataclass(slots=True)
class Expected:
    """All files, and what is wrong already before any is looked at."""

    files: list[File] = field(default_factory=list)
    originals: dict[tuple[str, int, str], File] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    filesets: int = 0
    folders: set[str] = field(default_factory=set)  # of the repository, relative to it

    def all_files(self) -> list[File]:
        return [*self.files, *self.originals.values()]


def expect_row(
    expected: Expected, row: ImportedRow, word: Word, repository: ManagedRepository | None
) -> None:
    """Adds what should be there of a row that was imported. `repository` is None where it is not
    mounted."""
    assert row.record is not None
    by_name: dict[str, File] = {}
    sources = {file.name: file for file in row.sources}
    for file in row.record.files:
        made = File((row.id,), file.size, file.digests, [], row.done)
        made.names = _names_on_disk(file, sources.get(file.name), row)
        by_name[file.name] = made
    if "conversion" in row.record.facts:
        _expect_conversion(expected, row, row.record.facts["conversion"])
    for facts in row.imports:
        expected.filesets += 1
        _expect_import(expected, row, facts, by_name, word, repository)
    expected.files += [file for file in by_name.values() if file.names]


def fileset_of(facts: Mapping[str, Any]) -> int:
    """The id of the fileset that was imported, or that the row was found to be in."""
    found: int = facts["fileset_id"] if "fileset_id" in facts else facts["found_fileset"]
    return found


def expect_stranger(
    expected: Expected,
    label: str,
    entries: Iterable[Entry],
    word: Word,
    repository: ManagedRepository | None,
) -> None:
    """Adds what should be there of a fileset by OMERO's word alone."""
    expected.filesets += 1
    for entry in entries:
        if repository is not None and entry.file_id not in word.elsewhere:
            expected.files.append(_of_entry(label, entry, repository, ""))
            expected.folders.add(entry.path.strip("/"))


def _expect_import(
    expected: Expected,
    row: ImportedRow,
    facts: Mapping[str, Any],
    by_name: Mapping[str, File],
    word: Word,
    repository: ManagedRepository | None,
) -> None:
    """Adds the names that the files have in the repository, and what OMERO says of them."""
    assert row.record is not None
    fileset = fileset_of(facts)
    ours = {file.name: file for file in row.record.files}
    lacking = dict.fromkeys(facts.get("repository_files", {}))
    transfer = way(row.begun.get(facts.get("import_id", ""), {}).get("transfer", ""))
    noted = row.record.facts.get("repository_access", {})
    for entry, name in _named(word.entries.get(fileset, []), facts, ours):
        lacking.pop(name, None)
        _look_at_entry(expected, row, fileset, entry, ours.get(name), word)
        if repository is None or entry.file_id in word.elsewhere:
            continue
        if name in by_name:
            made = _in_repository(entry, ours[name], transfer, repository)
            by_name[name].names.append(_as_noted(made, noted.get(name)))
        else:
            expected.files.append(_of_entry(row.id, entry, repository, row.done))
        expected.folders.add(entry.path.strip("/"))
    if fileset in word.existing:
        for name in lacking:
            what = f"Fileset:{fileset} has no entry of the file {name} any more"
            expected.findings.append(Finding("known otherwise by OMERO", (row.id,), "", what))


def _names_on_disk(file: SourceFile, source: SourceFile | None, row: ImportedRow) -> list[Name]:
    """The source and, where it was transferred to a store, the stored file."""
    assert row.record is not None
    kept = Name(
        file.path,
        "source" if file.path == file.source else "stored file",
        file.mtime_ns,
        file.inode,
        read_only=file.path in row.protected,
    )
    kept = _as_noted(kept, row.record.facts.get("access", {}).get(file.name))
    names = [kept]
    if source and source.path == file.source != file.path:
        linked = source.inode == file.inode
        origin = Name(source.path, "source", source.mtime_ns, source.inode)
        if linked:  # one file, or a link to it
            read_only = bool({file.path, source.path} & row.protected)
            kept = replace(kept, leads_to=source.path, read_only=read_only)
            origin = replace(origin, read_only=read_only, access=kept.access)
        else:
            kept = replace(kept, link="never")
            origin = _as_noted(origin, row.record.facts.get("source_access", {}).get(file.name))
        names = [origin, kept]
    return [name for name in names if name.path not in row.removed]


def _in_repository(
    entry: Entry, file: SourceFile, transfer: str, repository: ManagedRepository
) -> Name:
    path = str(repository.locate(entry.path, entry.name))
    role: Role = "repository file"
    if transfer == "ln_s":
        return Name(path, role, file.mtime_ns, file.inode, link="must", leads_to=file.path)
    if transfer == "ln":
        return Name(path, role, file.mtime_ns, file.inode, link="never")
    if transfer == "cp":
        return Name(path, role, file.mtime_ns, about=True, link="never", read_only=True)
    if transfer == "upload":
        return Name(path, role, link="never")
    return Name(path, role)


def _as_noted(name: Name, noted: Sequence[int] | None) -> Name:
    """With what the import noted of who may do what (see `protection.access`)."""
    if not noted:
        return replace(name, access=None, link_owner=None)
    owner, mode, *of_link = noted
    return replace(name, access=(owner, mode), link_owner=of_link[0] if of_link else None)


def _of_entry(label: str, entry: Entry, repository: ManagedRepository, since: str) -> File:
    path = str(repository.locate(entry.path, entry.name))
    digests = {entry.algorithm: entry.digest} if entry.digest else {}
    return File((label,), entry.size, digests, [Name(path, "repository file")], since)


def _named(
    entries: Sequence[Entry], facts: Mapping[str, Any], files: Mapping[str, SourceFile]
) -> Iterator[tuple[Entry, str]]:
    """Each entry with the name that its file has in the record, empty when it has none.

    By where it lay in the repository: client paths are not what the record has, once links were led
    to the store, and the repository may be mounted elsewhere than it was. Of a fileset that was
    only found in OMERO, client paths are all there is.
    """
    repository_files = facts.get("repository_files", {})
    paths = {client_path(file.path): name for name, file in files.items()}
    by_end: dict[int, dict[str, str]] = {}
    for entry in entries:
        end = f"{entry.path.strip('/')}/{entry.name}".lstrip("/")
        length = end.count("/") + 1
        if length not in by_end:
            by_end[length] = {
                "/".join(path.split("/")[-length:]): name for name, path in repository_files.items()
            }
        known = by_end[length].get(end, "")
        yield entry, known or ("" if repository_files else paths.get(entry.client_path, ""))


def _look_at_entry(
    expected: Expected,
    row: ImportedRow,
    fileset: int,
    entry: Entry,
    file: SourceFile | None,
    word: Word,
) -> None:
    """Adds a finding when OMERO's word on a file is not ours."""
    if file is None:
        return
    differences = []
    if entry.file_id in word.elsewhere:
        differences.append(f"in the repository {word.elsewhere[entry.file_id]}")
    if entry.size != file.size:
        differences.append(f"with {entry.size} bytes, not {file.size}")
    ours = file.digests.get(entry.algorithm, entry.digest)
    if not entry.digest:
        differences.append("without a digest")
    elif ours != entry.digest:
        differences.append(f"with the {entry.algorithm} {entry.digest}, not {ours}")
    if differences:
        expected.findings.append(
            Finding(
                "known otherwise by OMERO",
                (row.id,),
                file.path,
                f"OMERO has OriginalFile:{entry.file_id} of Fileset:{fileset} "
                + " and ".join(differences),
            )
        )


def _expect_conversion(expected: Expected, row: ImportedRow, facts: Mapping[str, Any]) -> None:
    """The originals, which several rows may share, what was archived of them, and the record."""
    assert row.record is not None
    noted = row.record.facts.get("source_access", {})
    digests = {each["path"]: each["digests"] for each in facts["originals"]}
    for values in facts["sources"]:
        source = SourceFile(**values)
        its = digests.get(source.path, {})
        key = (source.path, source.size, str(sorted(its.items())))
        name = Name(source.path, "source", source.mtime_ns, source.inode)
        made = File((), source.size, its, [_as_noted(name, noted.get(source.path))], row.done)
        file = expected.originals.setdefault(key, made)
        file.filesets = (*file.filesets, row.id)
        if name != _as_noted(
            file.names[0], None
        ):  # it was copied, or touched, between two conversions
            file.names[0] = Name(source.path, "source")
    home = Path(facts["folder"])
    if facts["keep_original"] == "archive":
        for original in facts["originals"]:
            path = str(home / place.ORIGINAL / original["name"])
            kept = Name(path, "stored file", link="never", read_only=True)
            expected.files.append(
                File((row.id,), original["size"], original["digests"], [kept], row.done)
            )
    published = place.published(home)
    if published is None or published.get("key") != facts["key"]:
        path = str(home / place.RECORD)
        state = "is not the record of this conversion" if published else "is missing or broken"
        expected.findings.append(
            Finding("conversion record lost", (row.id,), path, f"{path} {state}")
        )
