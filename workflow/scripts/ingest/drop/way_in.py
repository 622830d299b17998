"""Drop folders as a way in: one scan at a time, and the words of `snakemake manifest`."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.atomic import write_text
from ingest.config import Config
from ingest.context import Context
from ingest.drop.hand_on import replaced, take_back, vanished
from ingest.drop.scan import Account, scan
from ingest.drop.state import State
from ingest.fileset import StageError
from ingest.intakes import Intake, Outcome, manifest_text, read_rows
from ingest.tool_words import write_words
from ingest.words import counted

NAME = "drop"
STATE = "drop.sqlite"  # beside the folder of the intakes

_TOLD = 20  # paths in each list on the terminal; the JSON file has all


@dataclass(frozen=True)
class DropFolders:
    """The way in of the configured trees."""

    config: Config
    name: str = NAME

    @property
    def intakes(self) -> Path:
        return self.config.watch.intakes / NAME

    def look(self) -> Account:
        """Scan all trees; raises StageError when they are configured in each other's way."""
        _check_places(self.config)
        with self._state() as state:
            return scan(self.config.drop, self.intakes, state, self.config.watch.read_limit)

    def collect(self) -> Sequence[Intake]:
        account = self.look()
        for path in sorted(account.news):
            print(f"refused: {path}: {account.refused[path]}", flush=True)
        for problem in account.problems:
            print(problem, flush=True)
        return account.intakes

    def prepare(self, intake: Intake) -> bool:
        """Take out the rows whose files were replaced, or lie elsewhere by now: what is there is a
        fileset of its own, which a scan hands on."""
        elsewhere = set(vanished(intake))
        if elsewhere:
            with self._state() as state:
                take_back(intake, elsewhere, state)
        gone = elsewhere.union(replaced(intake))
        rows = [row for row in read_rows(intake) if row["fileset"] not in gone]
        if gone and rows:
            write_text(intake.manifest, manifest_text(rows))
        return bool(rows)

    @contextmanager
    def _state(self) -> Iterator[State]:
        """What scans know, for one process at a time. Raises StageError when it cannot be used."""
        path = self.config.watch.intakes / STATE
        with _scanning(path.parent):
            try:
                with closing(State(path)) as state:
                    yield state
            except sqlite3.Error as error:
                raise StageError(
                    f"{path} cannot be used: {error}",
                    "See that there is room on its disk. A damaged one may be removed: it is made "
                    "anew from the intakes",
                ) from None

    def running(self, intake: Intake) -> None:
        pass

    def report(self, outcome: Outcome) -> None:
        pass


def manifest(context: Context) -> None:
    """What `snakemake manifest` does: scan once, and write the account to the results folder."""
    config = context.config
    if not config.drop:
        raise StageError(
            "no drop folder is configured",
            "Describe one under `drop` in the configuration; docs/drop-folders.md tells how.",
        )
    way_in = DropFolders(config)
    account = way_in.look()
    for intake in account.intakes:
        context.log.info("handed on: %s", intake.manifest)
    facts = {
        **asdict(account),
        "intakes": [str(intake.manifest) for intake in account.intakes],
        "news": sorted(account.news),
    }
    write_words(context.results, "manifest", words(account), facts)
    if account.problems:
        raise SystemExit(1)


def words(account: Account) -> str:
    """The account for the terminal."""
    lines = [
        f"{counted(account.files, 'file')} found: {account.known} handed on before; now "
        f"{counted(account.filesets, 'fileset')} handed on, {len(account.waiting)} waiting, "
        f"{len(account.refused)} refused ({len(account.news)} of them new)."
    ]
    lines += _listed("Waiting:", account.waiting)
    lines += _listed("Refused:", {path: account.refused[path] for path in account.news})
    if account.intakes:
        lines += ["", "Handed on; `make watch` runs these, or you do:"]
        lines += [f"  {intake.command}" for intake in account.intakes]
    lines += ["", *account.problems] if account.problems else []
    return "\n".join(lines) + "\n"


def _listed(title: str, found: Mapping[str, str]) -> list[str]:
    if not found:
        return []
    lines = [f"  {path}: {reason}" for path, reason in sorted(found.items())[:_TOLD]]
    if len(found) > _TOLD:
        lines.append(f"  ... and {len(found) - _TOLD} more: manifest.json has all.")
    return ["", title, *lines]


@contextmanager
def _scanning(folder: Path) -> Iterator[None]:
    """Waits for another scan to end; the system lets go of the lock of a killed one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{NAME}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_places(config: Config) -> None:
    """What the workflow writes must not lie where it looks for files, nor one tree in another."""
    roots = {name: os.path.realpath(tree.root) for name, tree in config.drop.items()}
    for name, root in roots.items():
        for other, other_root in roots.items():
            if other != name and _lies_in(other_root, root):
                raise StageError(
                    f"the tree drop.{other} ({other_root}) lies in the tree drop.{name} ({root})",
                    "Let one of the two have another root, or list what differs under `users`.",
                )
        for option, place in _places(config).items():
            if place is not None and _lies_in(os.path.realpath(place), root):
                raise StageError(
                    f"{option} ({place}) lies in the tree drop.{name} ({root}), where it would be "
                    "taken for new files",
                    f"Move it, or set drop.{name}.root to a folder that does not hold it.",
                )


def _places(config: Config) -> dict[str, Path | None]:
    embedded = config.omero.embedded_folder if config.omero.embedded else None
    return {
        "results": config.results,
        "watch.intakes": config.watch.intakes,
        "transfer.store": config.transfer.store,
        "convert.store": config.convert.store,
        "convert.scratch": config.convert.scratch,
        "omero.embedded_folder": embedded,
        "omero.managed_repository": config.omero.managed_repository,
    }


def _lies_in(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
