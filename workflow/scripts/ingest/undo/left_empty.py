"""What holds nothing when imports are taken out: containers (ours and others'), tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import omero.all
import omero.cmd

from ingest.context import Context
from ingest.omero import queries
from ingest.omero.session import Session
from ingest.omero.taking_out import delete
from ingest.omero.targets import memory_path, read_made
from ingest.undo.imports import Row
from ingest.undo.to_take_out import Item

_LINKS = {
    "Dataset": "DatasetImageLink",
    "Screen": "ScreenPlateLink",
    "Project": "ProjectDatasetLink",
}
_HELD = {"Dataset": "Image", "Screen": "Plate", "Project": "Dataset"}
# Projects last: they are empty when their Datasets are gone.
_ORDER = ("Dataset", "Screen", "Project")
_TAGGED = ("Image", "Plate", "Dataset", "Project", "Screen", "Well", "PlateAcquisition")


@dataclass(frozen=True, slots=True)
class Container:
    """A container in OMERO, and whose rows it was for."""

    kind: str
    id: int
    name: str
    user: str
    group: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id} {self.name}".rstrip()


@dataclass(frozen=True)
class Left:
    """What would be empty: `made` by these runs, and what was there before (`others`, `tags`)."""

    made: Sequence[Container]
    others: Sequence[Container]
    tags: Sequence[str]

    def words(self, removes: bool) -> list[str]:
        stays = "removed" if removes else "stays; containers: true removes it"
        return [
            *(f"{each} (made by these runs; {stays})" for each in self.made),
            *(f"{each} (was there before; stays)" for each in self.others),
            *(f"tag {each} (stays)" for each in self.tags),
        ]


def left_empty(rows: Sequence[Row], items: Sequence[Item], database: str, context: Context) -> Left:
    """What holds nothing once the items of state `remove` are gone."""
    going = [item for item in items if item.state == "remove" and item.omero]
    made = _made(rows, database, context)
    targets = {_target(item) for item in going} - {None}
    known = {(each.kind, each.id) for each in made}
    others = [each for each in targets if each and (each.kind, each.id) not in known]
    goes = {
        "Dataset": {image for item in going if item.omero for image in item.omero.images},
        "Screen": {plate for item in going if item.omero for plate in item.omero.plates},
        "Project": set[int](),
    }
    emptied: list[Container] = []
    for each in sorted([*made, *others], key=lambda each: (_ORDER.index(each.kind), each.id)):
        with context.sessions.using(each.user, each.group) as session:
            held = held_by(session, each)
        if held is not None and held <= goes[each.kind]:
            emptied.append(each)
            if each.kind == "Dataset" and each in made:
                goes["Project"].add(each.id)
    return Left(
        [each for each in emptied if each in made],
        [each for each in emptied if each not in made],
        _tags(going, context),
    )


def _target(item: Item) -> Container | None:
    assert item.omero is not None
    kind, _, number = item.omero.target.partition(":")
    return Container(kind, int(number), "", item.begun.user, item.begun.group) if number else None


def _tags(going: Sequence[Item], context: Context) -> list[str]:
    """The rows' tags that are on nothing else."""
    ours: dict[tuple[str, int], int] = {}
    accounts: dict[int, tuple[str, str]] = {}
    for item in going:
        record = item.row.done("annotate")
        assert item.omero is not None
        for text, tag in (record.facts.get("tags", {}) if record else {}).items():
            objects = item.omero.plates or item.omero.images
            ours[text, tag] = ours.get((text, tag), 0) + len(objects)
            accounts[tag] = (item.begun.user, item.begun.group)
    alone = []
    for (text, tag), number in ours.items():
        with context.sessions.using(*accounts[tag]) as session:
            links = sum(_links(session, kind, tag) for kind in _TAGGED)
        if links <= number:
            alone.append(text)
    return alone


def _links(session: Session, kind: str, tag: int) -> int:
    rows = session.rows(
        f"select count(l.id) from {kind}AnnotationLink l where l.child.id = :id", id=tag
    )
    return int(rows[0][0])


def _made(rows: Sequence[Row], database: str, context: Context) -> list[Container]:
    """Those that the job of targets made, and those that imports made for one fileset alone."""
    entries: list[dict[str, Any]] = list(read_made(memory_path(context, database)))
    for event in (event for row in rows for event in row.events()):
        if event.get("database") == database and "made" in event:
            place = {"user": event["user"], "group": event["group"]}
            entries += [{**place, **each} for each in event["made"]]
    made = {
        (entry["type"], entry["id"]): Container(
            entry["type"], entry["id"], entry["name"], entry["user"], entry["group"]
        )
        for entry in entries
    }
    return list(made.values())


def held_by(session: Session, container: Container) -> set[int] | None:
    """The ids of what a container holds; None when it is gone, or people have annotated it."""
    if queries.container(session, container.kind, container.id) is None:  # type: ignore[arg-type]
        return None
    notes = session.rows(
        f"select a.ns from {container.kind}AnnotationLink l join l.child a "
        "where l.parent.id = :id order by a.id",
        id=container.id,
    )
    if any(namespace != queries.TARGET_NAMESPACE for (namespace,) in notes):
        return None
    rows = session.rows(
        f"select l.child.id from {_LINKS[container.kind]} l where l.parent.id = :id",
        id=container.id,
    )
    return {row[0] for row in rows}


def remove_empty(containers: Sequence[Container], context: Context) -> list[Container]:
    """Deletes those that are empty; which they were. What somebody puts in meanwhile stays."""
    removed = []
    for container in containers:
        with context.sessions.using(container.user, container.group) as session:
            if held_by(session, container) == set():
                spared = omero.cmd.graphs.ChildOption(excludeType=[_HELD[container.kind]])
                delete(session, {container.kind: [container.id]}, str(container), [spared])
                removed.append(container)
    return removed
