"""The objects in OMERO that a run's imports became, with every name a table may call them by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ingest.context import Context
from ingest.metadata.columns import Role
from ingest.metadata.matching import Described
from ingest.omero import queries
from ingest.omero.contents import projects_of, wells_of_plates
from ingest.omero.session import Session
from ingest.summary import Outcome

Names = Mapping[Role, frozenset[str]]
Ids = Mapping[Role, int]


def described_objects(outcomes: Sequence[Outcome], context: Context) -> list[Described]:
    """Of the filesets that this workflow imported; those it found in OMERO are others'."""
    by_account: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.fileset_id is not None and outcome.found_fileset is None:
            by_account[outcome.fileset.user, outcome.fileset.group].append(outcome)
    found: list[Described] = []
    for (user, group), theirs in by_account.items():
        with context.sessions.using(user, group) as session:
            found += _of_account(session, theirs, user, group)
    # A Dataset that several filesets went to is one object.
    return list({(each.kind, each.id, each.user): each for each in found}.values())


def _of_account(
    session: Session, outcomes: Sequence[Outcome], user: str, group: str
) -> Iterator[Described]:
    plates = [number for outcome in outcomes for number in outcome.plate_ids]
    images = [number for outcome in outcomes for number in outcome.image_ids]
    plate_names = queries.names_of(session, "Plate", plates)
    image_names = queries.names_of(session, "Image", images)
    wells = wells_of_plates(session, plates)
    projects = projects_of(session, _targets(outcomes, "Dataset"))
    containers = _containers(session, outcomes, projects)
    for outcome in outcomes:
        target = outcome.facts.get("target") or {}
        around: Names = {
            **containers.get((target.get("type"), target.get("id")), {}),
            "fileset": frozenset([outcome.fileset.id]),
        }
        ids = _container_ids(outcome, projects)
        yield Described(
            "Fileset", outcome.fileset_id or 0, user, group, around, ids, outcome.image_ids
        )
        if "dataset" in around:
            inside: Names = {
                role: around[role] for role in ("dataset", "project") if role in around
            }
            yield Described("Dataset", target["id"], user, group, inside, ids)
        in_plate: dict[int, Names] = {}
        for number in outcome.plate_ids:
            plate: Names = {**around, "plate": frozenset([plate_names.get(number, "")])}
            of_plate: Ids = {**ids, "plate": number}
            yield Described("Plate", number, user, group, plate, of_plate)
            for well in wells.get(number, ()):
                names = {**plate, "well": frozenset([well.label])}
                yield Described("Well", well.id, user, group, names, of_plate, well.images)
                in_plate |= dict.fromkeys(well.images, names)
        for number in outcome.image_ids:
            names = {
                **in_plate.get(number, around),
                "image": frozenset([image_names.get(number, "")]),
            }
            yield Described("Image", number, user, group, names, {**ids, "image": number})


def _targets(outcomes: Sequence[Outcome], kind: str) -> list[int]:
    targets = [outcome.facts.get("target") or {} for outcome in outcomes]
    return sorted({target["id"] for target in targets if target.get("type") == kind})


def _container_ids(outcome: Outcome, projects: Mapping[int, list[tuple[int, str]]]) -> Ids:
    target = outcome.facts.get("target") or {}
    if target.get("type") == "Screen":
        return {"screen": target["id"]}
    if target.get("type") != "Dataset":
        return {}
    inside = projects.get(target["id"])
    return {"dataset": target["id"], **({"project": inside[0][0]} if inside else {})}


def _containers(
    session: Session,
    outcomes: Sequence[Outcome],
    projects: Mapping[int, list[tuple[int, str]]],
) -> dict[tuple[str | None, int | None], Names]:
    """The names of the targets, and of the Projects they are in, by type and id."""
    found: dict[tuple[str | None, int | None], Names] = {}
    screens, datasets = _targets(outcomes, "Screen"), _targets(outcomes, "Dataset")
    for number, name in queries.names_of(session, "Screen", screens).items():
        found["Screen", number] = {"screen": frozenset([name])}
    for number, name in queries.names_of(session, "Dataset", datasets).items():
        names: dict[Role, frozenset[str]] = {"dataset": frozenset([name])}
        if number in projects:
            names["project"] = frozenset(each for _, each in projects[number])
        found["Dataset", number] = names
    return found
