"""The container a target means: found by its discriminator, or made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import omero.all
import omero.model
from omero.rtypes import rstring

from ingest.fileset import StageError
from ingest.omero import queries
from ingest.omero.made_once import found_or_made
from ingest.omero.session import Session
from ingest.omero.target_grammar import Container, Kind, TargetPath


@dataclass(frozen=True, slots=True)
class Target:
    """A container in OMERO."""

    type: Kind
    id: int
    name: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


def resolve(
    session: Session,
    path: TargetPath,
    project: Target | None = None,
    mark: str = "",
    made: list[Target] | None = None,
) -> Target:
    """The container a target means, made (and put into its Project) when there is none.

    `project` is the Project when it is known already. One that is always new (`@name`) is, with a
    `mark`, the one that was made with this mark before, or a new one that bears it. What is made is
    added to `made`. Raises StageError.
    """
    if path.container.choice == "id":
        _existing(session, path.container)  # no Project is made for what is not there
    if path.project and project is None:
        project = resolve_container(session, path.project, mark, made)
    target = resolve_container(session, path.container, mark, made)
    if project and path.container.choice == "new":
        _is_inside(session, project, target) or _put_inside(session, project, target)
    elif project:
        found_or_made(
            session,
            f"{project}/{target}",
            lambda: _is_inside(session, project, target) or None,
            lambda: _put_inside(session, project, target),
        )
    return target


def _is_inside(session: Session, project: Target, dataset: Target) -> bool:
    return queries.project_holds(session, project.id, dataset.id)


def _put_inside(session: Session, project: Target, dataset: Target) -> bool:
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(omero.model.ProjectI(project.id, False))
    link.setChild(omero.model.DatasetI(dataset.id, False))
    session.save([link])
    return True


def resolve_container(
    session: Session, wanted: Container, mark: str = "", made: list[Target] | None = None
) -> Target:
    """One container as its discriminator says; added to `made` if it is. Raises StageError."""

    def create() -> Target:
        created = _create(session, wanted, mark if wanted.choice == "new" else "")
        if made is not None:
            made.append(created)
        return created

    if wanted.choice == "id":
        return _existing(session, wanted)
    if wanted.choice == "new":
        return _marked(session, wanted, mark) or create()
    return found_or_made(
        session, f"{wanted.kind}:{wanted.value}", lambda: _named(session, wanted), create
    )


def look_for(session: Session, wanted: Container) -> Target | None:
    """The container that would be taken; None when one would be made. Raises StageError."""
    if wanted.choice == "id":
        return _existing(session, wanted)
    return None if wanted.choice == "new" else _named(session, wanted)


def _named(session: Session, wanted: Container) -> Target | None:
    """The container of this name that its discriminator chooses, if there is any."""
    linkable = [
        found
        for found in queries.containers_named(session, wanted.kind, wanted.value)
        if _can_link(found)
    ]
    if not linkable:
        return None
    if wanted.choice == "only" and len(linkable) > 1:
        ids = ", ".join(str(found.getId().getValue()) for found in linkable)
        raise StageError(
            f"there are {len(linkable)} {wanted.kind}s named {wanted.value!r} (ids {ids}), and "
            "the target asks for the only one",
            f"Write {wanted.kind}:id: with the id of the right one.",
        )
    return _target(wanted.kind, linkable[0 if wanted.choice == "oldest" else -1])


def still_there(session: Session, target: Target) -> bool:
    """Whether the container exists under this id and name, and can be linked to."""
    found = queries.container(session, target.type, target.id)
    return (
        found is not None and _can_link(found) and _target(target.type, found).name == target.name
    )


def _existing(session: Session, wanted: Container) -> Target:
    found = queries.container(session, wanted.kind, wanted.id)
    if found is None:
        group = queries.group_of_container(session, wanted.kind, wanted.id)
        if group:
            raise StageError(
                f"{wanted.kind} {wanted.id} is in group {group}, and the row's images will be in "
                f"group {session.group}",
                f"Give the row the group {group}, or a target in {session.group}.",
            )
        raise StageError(
            f"there is no {wanted.kind} {wanted.id} in OMERO that {session.user} can see in group "
            f"{session.group}",
            "Correct the row's target, or its user and group.",
        )
    if not _can_link(found):
        raise StageError(
            f"OMERO user {session.user} may not add to {wanted.kind} {wanted.id}",
            "Name another target, or another user for the row.",
        )
    return _target(wanted.kind, found)


def _marked(session: Session, wanted: Container, mark: str) -> Target | None:
    if not mark:
        return None
    found = queries.container_marked(session, wanted.kind, mark)
    return _target(wanted.kind, found) if found else None


def _create(session: Session, wanted: Container, mark: str = "") -> Target:
    made = getattr(omero.model, f"{wanted.kind}I")()
    made.setName(rstring(wanted.value))
    if mark:
        # With the container, in one transaction: who makes it may be killed before it knows the id.
        annotation = omero.model.CommentAnnotationI()
        annotation.setNs(rstring(queries.TARGET_NAMESPACE))
        annotation.setTextValue(rstring(mark))
        made.linkAnnotation(annotation)
    return _target(wanted.kind, session.save([made])[0])


def _target(kind: Kind, found: Any) -> Target:
    return Target(kind, found.getId().getValue(), found.getName().getValue())


def _can_link(found: Any) -> bool:
    return bool(found.getDetails().getPermissions().canLink())
