"""What is in plates, and what Datasets are in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.chunks import in_chunks
from ingest.omero.session import Session

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Well:
    """`label` is like A1 or AB12; `images` are those of all its fields."""

    id: int
    label: str
    images: Sequence[int]


def wells_of_plates(session: Session, plates: list[int]) -> Mapping[int, list[Well]]:
    """The wells of each plate."""
    images: dict[int, list[int]] = defaultdict(list)
    wells: dict[int, list[Well]] = defaultdict(list)
    for some in in_chunks(plates):
        for well, image in session.rows(
            "select s.well.id, s.image.id from WellSample s where s.well.plate.id in (:ids) "
            "order by s.id",
            ids=some,
        ):
            images[well].append(image)
        for number, row, column, plate in session.rows(
            "select w.id, w.row, w.column, w.plate.id from Well w where w.plate.id in (:ids) "
            "order by w.id",
            ids=some,
        ):
            wells[plate].append(Well(number, _label(row, column), images[number]))
    return wells


def projects_of(session: Session, datasets: list[int]) -> Mapping[int, list[tuple[int, str]]]:
    """(id, name) of the Projects that each Dataset is in; none of Datasets in no Project."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for some in in_chunks(datasets):
        for dataset, project, name in session.rows(
            "select l.child.id, l.parent.id, l.parent.name from ProjectDatasetLink l "
            "where l.child.id in (:ids) order by l.parent.id",
            ids=some,
        ):
            found[dataset].append((project, name))
    return found


def _label(row: int, column: int) -> str:
    """Rows after Z are AA, AB and so on, as on plates of 1536 wells."""
    before, letter = divmod(row, len(_LETTERS))
    return f"{_LETTERS[before - 1] if before else ''}{_LETTERS[letter]}{column + 1}"
