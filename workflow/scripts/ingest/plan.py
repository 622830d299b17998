"""The plan: filesets in batches, one file per batch, and a small index that every process reads.

Files under <results>/plan:
  index.json         the batches, and digests of what the plan was compiled from
  <batch>.jsonl      a Fileset per line, in the manifest's order
  membership.json    which fileset is in which batch; only the compiler reads it
  named_files.json   which row names which files
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.atomic import write_bytes
from ingest.bulk.files import files_of
from ingest.config import Config
from ingest.fast_json import decoded, encoded
from ingest.import_options import PARSERS
from ingest.manifest_file import content
from ingest.manifest_problems import ManifestError
from ingest.named_files import FILE, named_files
from ingest.records import json_lines

MEMBERSHIP = "membership.json"
NAMED_FILES = Path(FILE).name
MOST_BATCHES = 1_000  # what one Snakemake process plans and schedules easily
# A batch's five jobs take 1.6 s of CPU to start, a small fileset 11 ms (benchmarks/README.md).
LARGE_BATCH = 250  # filesets
FEW_BATCHES = 40  # to share out among jobs
BATCH_BYTES = 25_000_000_000  # some minutes' work for a file server
FIRST_WRITES = 20  # tell how fast the disk is
SLOW_WRITE = 0.001  # seconds

# What decides how a manifest is read; another version of it reads the manifest again.
_CODE = ("plan.py", "manifest*.py", "bulk/*.py", "expected_checksum.py", "file_names.py",
         "fast_json.py", "fileset.py", "named_files.py", "records.py", "import_*.py",
         "conversion/options.py", "omero/target_*.py")  # fmt: skip
_INDEX = {"inputs", "skipped", "batches"}  # what an index has at least
_OPTIONS = ("manifest", "invalid_rows", "batch_size", "allowed_roots", "defaults", "converters")


class PlanError(Exception):
    """The files of a plan are missing or damaged."""


@dataclass(frozen=True, slots=True)
class Batch:
    filesets: int  # how many
    bytes: int  # about how many their rows name


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a process needs to know before it looks at a batch."""

    batches: Mapping[str, Batch]
    remarks: Sequence[str] = ()  # on options of a bulk file that have no effect
    dry_run: bool = False  # a bulk file says that nothing is to be imported


NO_PLAN = Plan({})


def compile_plan(config: Config, root: Path = Path()) -> Plan:
    """Brings the plan up to date with the manifest; only Snakemake's main process calls it.

    Relative paths of the configuration start at `root`. The manifest is read and checked again
    when its bytes, an option that shapes the plan, or this code changed, and as long as it has
    skipped rows, which may have been repaired elsewhere. Otherwise only the index is read: a source
    that has vanished is then found by its stage, and becomes a record. Batch files are written only
    where their content differs, because a new one makes the batch's jobs run again.

    Raises ManifestError or ConfigError, with the earlier plan left as it was, and PlanError.
    """
    folder = root / config.results / "plan"
    inputs = _inputs(config, root)
    index = _read_json(folder / "index.json")
    if index and index["inputs"] == inputs and not index["skipped"] and _complete(folder, index):
        return _plan(index)

    # Only this process reads manifests; without these imports jobs start sooner.
    from ingest.manifest import read_manifest

    manifest = read_manifest(config, root)
    rows = {row["id"]: row for row in manifest.values}
    earlier = _read_json(folder / MEMBERSHIP) or {}
    mean_bytes = sum(manifest.sizes.values()) // max(len(rows), 1)
    batches = assign(earlier, list(rows), config.batch_size, mean_bytes)
    # Membership comes first and the index last: if this is killed in between, the next process
    # compiles again and puts every fileset where it was.
    files = {
        MEMBERSHIP: _write_changed(folder / MEMBERSHIP, encoded(batches)),
        NAMED_FILES: _write_changed(
            folder / NAMED_FILES, encoded(named_files(manifest.values, manifest.places))
        ),
        **_write_batches(folder, batches, rows),
    }
    index = {
        "inputs": inputs,
        "skipped": sum("problem" in row for row in manifest.values),
        "remarks": list(manifest.remarks),
        "dry_run": manifest.dry_run,
        "batches": {
            name: {
                "filesets": len(ids),
                "bytes": sum(manifest.sizes.get(rows[each]["row"], 0) for each in ids),
            }
            for name, ids in batches.items()
        },
        "files": files,
    }
    _write_changed(folder / "index.json", (json.dumps(index, indent=1) + "\n").encode())
    return _plan(index)


def load_index(results: Path) -> Plan:
    """The plan as it was compiled last. Raises PlanError when there is none."""
    index = _read_json(results / "plan" / "index.json")
    if index is None:
        raise PlanError(f"There is no plan in {results}. Start the workflow's main process first.")
    return _plan(index)


def assign(
    earlier: Mapping[str, Sequence[str]],
    ids: Sequence[str],
    batch_size: int | Literal["auto"],
    mean_bytes: int = 0,
) -> dict[str, list[str]]:
    """Which filesets are in which batch, given the batches there were.

    A fileset stays in its batch; one that left the manifest leaves its batch, and an empty batch
    vanishes. New filesets form new batches in the manifest's order; `_automatic` says what "auto"
    means for filesets of `mean_bytes`. A batch of size one is named after its fileset, others
    b00001, b00002, ... past any fileset of such a name.
    """
    batch_of = {fileset: name for name, members in earlier.items() for fileset in members}
    batches: dict[str, list[str]] = {name: [] for name in earlier}
    new = []
    for fileset in ids:
        if fileset in batch_of:
            batches[batch_of[fileset]].append(fileset)
        else:
            new.append(fileset)
    batches = {name: members for name, members in batches.items() if members}

    size = _automatic(len(ids), mean_bytes) if batch_size == "auto" else batch_size
    numbered = _free_numbers(batches, ids)
    in_use = {name.lower() for name in batches}
    for start in range(0, len(new), size or 1):
        members = new[start : start + size]
        single = size == 1 and members[0].lower() not in in_use
        batches[members[0] if single else next(numbered)] = members
    return batches


def _automatic(filesets: int, mean_bytes: int) -> int:
    """The size of batches of so many filesets: up to MOST_BATCHES one each, as people ask for them.

    Above that as large as is worth a job's start, as long as it leaves FEW_BATCHES to share out and
    the filesets are small, and never more than MOST_BATCHES.
    """
    if filesets <= MOST_BATCHES:
        return 1
    small = min(LARGE_BATCH, filesets // FEW_BATCHES, BATCH_BYTES // max(mean_bytes, 1))
    return max(-(-filesets // MOST_BATCHES), small)


def _free_numbers(batches: Iterable[str], ids: Iterable[str]) -> Iterator[str]:
    """Names for batches; numbers are not used again while later ones are, for records outlive
    their batch."""
    taken = {fileset.lower() for fileset in ids}
    used = [int(name[1:]) for name in batches if name[0] == "b" and name[1:].isdecimal()]
    number = max(used, default=0)
    while True:
        number += 1
        name = f"b{number:05d}"
        if name not in taken:
            yield name


def _inputs(config: Config, root: Path) -> dict[str, str]:
    """Digests of all that the plan is made from, except the files that the rows name."""
    try:
        manifest = [content(path) for path in files_of(root / config.manifest)]
    except ManifestError:
        manifest = []  # read_manifest says what is wrong
    options = config.model_dump(
        mode="json",
        include=set(_OPTIONS),
    )
    options["store"] = config.transfer.store is not None
    options["converted"] = config.convert.store is not None
    options["algorithm"] = config.checksum.algorithm
    options["import"] = config.importing.model_dump(mode="json", include=set(PARSERS))
    options["transfer_folder"] = str(config.importing.transfer_folder)
    options["root"] = str(root.absolute())
    here = Path(__file__).parent
    code = [path.read_bytes() for pattern in _CODE for path in sorted(here.glob(pattern))]
    return {
        "manifest": _digest(manifest),
        "options": _digest([json.dumps(options, sort_keys=True).encode()]),
        "code": _digest(code),
    }


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _complete(folder: Path, index: Mapping[str, Any]) -> bool:
    """Whether all files of the plan are there and complete: they are written without waiting for
    the disk, so a power cut may have truncated them."""
    with os.scandir(folder) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    return all(sizes.get(name) == size for name, size in index["files"].items())


def _plan(index: Mapping[str, Any]) -> Plan:
    batches = {name: Batch(**facts) for name, facts in index["batches"].items()}
    return Plan(batches, index["remarks"], index["dry_run"])


def _write_batches(
    folder: Path, batches: Mapping[str, Sequence[str]], rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, int]:
    """Writes a file for each batch and removes those of others; the files' sizes by name."""
    contents = {
        f"{name}.jsonl": json_lines(rows[fileset] for fileset in members)
        for name, members in batches.items()
    }
    sizes = _write_all({folder / name: content for name, content in contents.items()})
    for path in folder.glob("*.jsonl"):
        if path.name not in contents:
            path.unlink()
    return sizes


def _write_all(contents: Mapping[Path, bytes]) -> dict[str, int]:
    """Writes files without waiting for the disk; their sizes by name.

    On a network file system each write waits, and a thousand of them need not wait for each other.
    On a disk of this machine threads would take twice as long: they are in each other's way.
    """

    def write(path: Path) -> int:
        return _write_changed(path, contents[path], sync=False)

    paths = list(contents)
    first, rest = paths[:FIRST_WRITES], paths[FIRST_WRITES:]
    started = time.monotonic()
    sizes = [*map(write, first)]
    if time.monotonic() - started < FIRST_WRITES * SLOW_WRITE:
        sizes += map(write, rest)
    else:
        with ThreadPoolExecutor(8) as executor:
            sizes += executor.map(write, rest)
    return {path.name: size for path, size in zip(paths, sizes, strict=True)}


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = decoded(path.read_bytes())
        if not isinstance(data, dict) or not (
            data.keys() >= _INDEX
            if path.name == "index.json"
            else all(isinstance(members, list) for members in data.values())
        ):
            raise ValueError("it holds something else")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PlanError(
            f"{path} is damaged ({error}). Remove the folder {path.parent} and start again."
        ) from None
    return data


def _write_changed(path: Path, content: bytes, sync: bool = True) -> int:
    """Writes a file that is not there or has another content; its size in bytes."""
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content, sync)
    return len(content)
