"""What the importer asks of OMERO, one function a question. Results come in the order of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import omero.model

from ingest.chunks import in_chunks
from ingest.omero.session import Session
from ingest.omero.target_grammar import Kind

# The same at every site and for good: what an earlier run began is found by it.
IMPORT_ID_NAMESPACE = "omero-ingest/import-id"
TARGET_NAMESPACE = "omero-ingest/target"
CLAIM_NAMESPACE = "omero-ingest/claim"

Annotatable = Literal["Image", "Plate", "Well", "Dataset"]
Named = Literal["Image", "Plate", "Dataset", "Screen"]
Holder = Literal["Screen", "Project", "Dataset", "Plate"]

_UNREAD = "Pending..."  # the digest of pixels that the import has not read (yet)
# How often the log's size was noted when the pixels cannot be read: after two steps, at the end.
_NOTED_OF_A_FAILURE = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A fileset entry and its original file; `path` (ends in /) and `name` are in the repository.

    `digest` is the server's, by `algorithm`; empty until the server has read the whole file.
    """

    client_path: str
    file_id: int
    path: str
    name: str
    size: int
    digest: str
    algorithm: str


def filesets_with_import_ids(session: Session, import_ids: list[str]) -> list[tuple[int, str]]:
    """The filesets that carry one of these import ids: (fileset id, import id)."""
    rows = session.rows(
        "select l.parent.id, a.textValue from FilesetAnnotationLink l join l.child a "
        "where a.ns = :ns and a.textValue in (:ids) order by l.parent.id",
        ns=IMPORT_ID_NAMESPACE,
        ids=import_ids,
    )
    return [(fileset, import_id) for fileset, import_id in rows]


def entries(session: Session, fileset_id: int) -> list[Entry]:
    rows = session.rows(
        "select e.clientPath, o.id, o.path, o.name, o.size, o.hash, h.value "
        "from FilesetEntry e join e.originalFile o left outer join o.hasher h "
        "where e.fileset.id = :id order by e.id",
        id=fileset_id,
    )
    return [
        Entry(client_path, file_id, path, name, size or 0, digest or "", algorithm or "")
        for client_path, file_id, path, name, size, digest, algorithm in rows
    ]


def transfers_of_client_paths(
    session: Session, client_paths: list[str], namespace: str
) -> list[tuple[str, int, str]]:
    """(client path, fileset id, transfer) of the filesets with one of these client paths that say,
    by an annotation in this namespace, how they were transferred."""
    return [
        (client_path, fileset_id, transfer)
        for some in in_chunks(client_paths)
        for client_path, fileset_id, transfer in session.rows(
            "select e.clientPath, f.id, a.textValue from FilesetEntry e join e.fileset f "
            "join f.annotationLinks l join l.child a "
            "where a.ns = :ns and e.clientPath in (:paths) order by f.id",
            ns=namespace,
            paths=some,
        )
    ]


def begun_fileset(session: Session, import_id: str) -> tuple[int, dict[str, tuple[int, str, str]]]:
    """The fileset of an import that was just begun: its id, and by client path the id, the path
    (ends in /) and the name of each entry's file in the repository. One question, however many
    files."""
    rows = session.rows(
        "select f.id, e.clientPath, o.id, o.path, o.name from FilesetEntry e join e.originalFile o "
        "join e.fileset f join f.annotationLinks l join l.child a "
        "where a.ns = :ns and a.textValue = :import_id",
        ns=IMPORT_ID_NAMESPACE,
        import_id=import_id,
    )
    places = {client_path: (file_id, path, name) for _, client_path, file_id, path, name in rows}
    return (rows[0][0] if rows else 0), places


def image_ids(session: Session, fileset_id: int) -> list[int]:
    rows = session.rows(
        "select i.id from Image i where i.fileset.id = :id order by i.id", id=fileset_id
    )
    return [row[0] for row in rows]


def images_and_pixels(session: Session, fileset_id: int) -> tuple[list[int], list[int]]:
    """The ids of a fileset's images, and of their pixels."""
    rows = session.rows(
        "select i.id, p.id from Image i left outer join i.pixels p where i.fileset.id = :id "
        "order by i.id, p.id",
        id=fileset_id,
    )
    images = dict.fromkeys(image for image, _ in rows)
    return list(images), [pixels for _, pixels in rows if pixels is not None]


def plate_ids(session: Session, fileset_id: int) -> list[int]:
    rows = session.rows(
        "select distinct p.id from WellSample s join s.image i join s.well w join w.plate p "
        "where i.fileset.id = :id order by p.id",
        id=fileset_id,
    )
    return [row[0] for row in rows]


def filesets_with_client_paths(session: Session, client_paths: list[str]) -> list[int]:
    """The filesets of the session's group with an entry of one of these client paths."""
    rows = session.rows(
        "select distinct f.id from FilesetEntry e join e.fileset f "
        "where e.clientPath in (:paths) and f.details.group.name = :group order by f.id",
        paths=client_paths,
        group=session.group,
    )
    return [row[0] for row in rows]


def entries_named(session: Session, name: str, size: int) -> list[tuple[int, str, str]]:
    """(fileset id, algorithm, digest) of the group's original files of this name and size."""
    rows = session.rows(
        "select f.id, h.value, o.hash from FilesetEntry e join e.fileset f "
        "join e.originalFile o join o.hasher h where o.name = :name and o.size = :size "
        "and f.details.group.name = :group order by f.id",
        name=name,
        size=size,
        group=session.group,
    )
    return [(fileset, algorithm, digest or "") for fileset, algorithm, digest in rows]


def annotations_with_ids(session: Session, ids: list[int]) -> list[Any]:
    """Those of these annotations that are in the session's group."""
    return session.objects("select a from Annotation a where a.id in (:ids)", ids=ids)


def upload_is_finished(session: Session, fileset_id: int) -> bool:
    """Whether the server has verified the fileset's files (the status of its UploadJob)."""
    links = session.objects(
        "select l from FilesetJobLink l join fetch l.child j join fetch j.status "
        "where l.parent.id = :id order by l.id",
        id=fileset_id,
    )
    return any(
        isinstance(link.child, omero.model.UploadJob) and link.child.status.value.val == "Finished"
        for link in links
    )


def fileset_exists(session: Session, fileset_id: int) -> bool:
    return bool(session.rows("select f.id from Fileset f where f.id = :id", id=fileset_id))


def is_processed(session: Session, fileset_id: int) -> bool:
    """Whether an import that has made its images also got through the steps after that.

    OMERO keeps no such state, but each sign is proof (docs/import-protocol.md, section 4), and none
    is there always: pixels are not hashed where their extremes are known or not wanted, images
    that are to get a pyramid have no thumbnails yet, and the log is noted after failed steps too.
    """
    of_fileset = "from Pixels p where p.image.fileset.id = :id"
    if not session.rows(f"select p.id {of_fileset} and p.sha1 = :it", id=fileset_id, it=_UNREAD):
        return True
    drawn = "select t.pixels.id from Thumbnail t where t.pixels.image.fileset.id = :id"
    if not session.rows(f"select p.id {of_fileset} and p.id not in ({drawn})", id=fileset_id):
        return True
    noted = session.rows(
        "select e.id from EventLog e, FilesetJobLink l, JobOriginalFileLink k "
        "where l.parent.id = :id and k.parent.id = l.child.id and k.child.mimetype = :log "
        "and e.entityId = k.child.id and e.entityType = 'ome.model.core.OriginalFile' "
        "and e.action = 'UPDATE'",
        id=fileset_id,
        log="application/omero-log-file",
    )
    return len(noted) > _NOTED_OF_A_FAILURE


def made_in_open_session(session: Session, fileset_id: int) -> bool:
    """Whether the session that made the fileset is open: it may still be importing it."""
    rows = session.rows(
        "select s.id from Fileset f join f.details.creationEvent e join e.session s "
        "where f.id = :id and s.closed is null",
        id=fileset_id,
    )
    return bool(rows)


def session_is_open(session: Session, session_id: int) -> bool:
    rows = session.rows("select s.id, s.closed from Session s where s.id = :id", id=session_id)
    return bool(rows) and rows[0][1] is None


def container(session: Session, kind: Kind, container_id: int) -> Any | None:
    found = session.objects(f"select o from {kind} as o where o.id = :id", id=container_id)
    return found[0] if found else None


def container_marked(session: Session, kind: Kind, mark: str) -> Any | None:
    """The container that was made with this mark."""
    rows = session.rows(
        f"select l.parent.id from {kind}AnnotationLink l join l.child a "
        "where a.ns = :ns and a.textValue = :mark order by l.parent.id",
        ns=TARGET_NAMESPACE,
        mark=mark,
    )
    return container(session, kind, rows[0][0]) if rows else None


def group_of_container(session: Session, kind: Kind, container_id: int) -> str:
    """The group of a container, wherever the user can see it; empty when there is none."""
    rows = session.rows(
        f"select o.details.group.name from {kind} o where o.id = :id", id=container_id
    )
    return str(rows[0][0]) if rows else ""


def containers_named(session: Session, kind: Kind, name: str) -> list[Any]:
    """The containers of this name in the session's group, oldest first."""
    return session.objects(
        f"select o from {kind} as o where o.name = :name order by o.id", name=name
    )


def project_holds(session: Session, project_id: int, dataset_id: int) -> bool:
    rows = session.rows(
        "select l.id from ProjectDatasetLink l "
        "where l.parent.id = :project and l.child.id = :dataset",
        project=project_id,
        dataset=dataset_id,
    )
    return bool(rows)


def tags(session: Session, text: str) -> list[Any]:
    """Tags (no tag sets, whose namespace says so) of this text in the session's group."""
    return session.objects(
        "select t from TagAnnotation t where t.textValue = :text and t.ns is null order by t.id",
        text=text,
    )


def is_tag(session: Session, tag_id: int) -> bool:
    """Whether there is such a tag in the session's group."""
    return bool(session.rows("select t.id from TagAnnotation t where t.id = :id", id=tag_id))


def claims(session: Session, what: str) -> dict[int, tuple[float, str]]:
    """The claims of this text in the session's group: when each was made, in seconds, and by whom,
    by its id."""
    rows = session.rows(
        "select a.id, a.details.creationEvent.time, a.description from CommentAnnotation a "
        "where a.ns = :ns and a.textValue = :what and a.details.group.name = :group",
        ns=CLAIM_NAMESPACE,
        what=what,
        group=session.group,
    )
    return {number: (milliseconds / 1000, owner) for number, milliseconds, owner in rows}


def annotations_on(
    session: Session, kind: Annotatable, parents: list[int], namespace: str
) -> list[tuple[int, int]]:
    """(object id, annotation id) of the annotations in this namespace on these objects."""
    found = [
        (parent, annotation)
        for some in in_chunks(parents)
        for parent, annotation in session.rows(
            f"select l.parent.id, a.id from {kind}AnnotationLink l join l.child a "
            "where l.parent.id in (:parents) and a.ns = :ns order by a.id, l.parent.id",
            parents=some,
            ns=namespace,
        )
    ]
    return sorted(found, key=lambda link: (link[1], link[0]))


def linked_objects(
    session: Session, kind: Annotatable, parents: list[int], annotation_id: int
) -> set[int]:
    """Those of these objects that the annotation is linked to."""
    return {
        row[0]
        for some in in_chunks(parents)
        for row in session.rows(
            f"select l.parent.id from {kind}AnnotationLink l "
            "where l.parent.id in (:parents) and l.child.id = :child order by l.parent.id",
            parents=some,
            child=annotation_id,
        )
    }


def file_annotations(
    session: Session, kind: Holder, parent: int, namespace: str
) -> list[tuple[int, str]]:
    """(id, description) of the annotations in this namespace, which is one of files, on an
    object."""
    return [
        (number, description or "")
        for number, description in session.rows(
            f"select a.id, a.description from {kind}AnnotationLink l join l.child a "
            "where l.parent.id = :parent and a.ns = :ns order by a.id",
            parent=parent,
            ns=namespace,
        )
    ]


def own_file_annotations(session: Session, namespace: str, description: str) -> list[int]:
    """Ids of the user's own in the session's group, in this namespace, which is one of files, with
    a description like this."""
    rows = session.rows(
        "select a.id from FileAnnotation a where a.ns = :ns and a.description like :description "
        "and a.details.owner.omeName = :user and a.details.group.name = :group order by a.id",
        ns=namespace,
        description=description,
        user=session.user,
        group=session.group,
    )
    return [number for (number,) in rows]


def map_annotations(session: Session, ids: list[int]) -> dict[int, omero.model.MapAnnotation]:
    """These annotations with their pairs, by id."""
    return {
        annotation.getId().getValue(): annotation
        for some in in_chunks(ids)
        for annotation in session.objects(
            "select a from MapAnnotation a left outer join fetch a.mapValue where a.id in (:ids)",
            ids=some,
        )
    }


def pixels_of_images(session: Session, images: list[int]) -> list[tuple[int, int, int]]:
    """(image id, pixels id, group id) of the first pixels of each of these images."""
    found: dict[int, tuple[int, int, int]] = {}
    for some in in_chunks(images):
        for image, pixels, group in session.rows(
            "select i.id, p.id, i.details.group.id from Pixels p join p.image i "
            "where i.id in (:ids) order by p.id",
            ids=some,
        ):
            found.setdefault(image, (image, pixels, group))
    return list(found.values())


def names_of(session: Session, kind: Named, ids: list[int]) -> dict[int, str]:
    """Names by id; what the session may not read, or what is gone, is left out."""
    return {
        number: name
        for some in in_chunks(ids)
        for number, name in session.rows(
            f"select o.id, o.name from {kind} o where o.id in (:ids) order by o.id", ids=some
        )
    }
