"""What queries answer, on a small store: Dataset `D1` (images a, b, c of one fileset; c has no
description), `D2` (image d) in Project `P`; tags, a comment, key-value pairs; a plate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero
import pytest
from omero.rtypes import rbool, rint, rlist, rlong, rstring, unwrap

from omero_embedded.store import Page, Store, Work
from omero_embedded.store.database import FILE_NAME
from tests.unit.embedded.store.builders import (
    fileset,
    image,
    map_annotation,
    named,
    plate,
    text_annotation,
)


@pytest.fixture(scope="module")
def filled_store(
    empty_store_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("filled")
    shutil.copy(empty_store_folder / FILE_NAME, folder / FILE_NAME)
    store = Store.open(folder)
    a, b, c, d = (image(name, channels=2) for name in "abcd")
    for described in (a, b):
        described.setDescription(rstring("Été 100%"))
    b.setPartial(rbool(True))
    for number, each in enumerate((a, b, c, d)):
        each.setSeries(rint(number))
    first, second, project = named("Dataset", "D1"), named("Dataset", "D2"), named("Project", "P")
    for each in (a, b, c):
        first.linkImage(each)
    second.linkImage(d)
    project.linkDataset(first)
    project.linkDataset(second)
    tag = text_annotation("Tag", "cells")
    for tagged in (a, b):
        tagged.linkAnnotation(tag)
    a.linkAnnotation(map_annotation("ns", key="value", second="2"))
    d.linkAnnotation(text_annotation("Comment", "nice"))
    files = fileset(["z.tif", "y.tif"], [a, b, c])
    with store.write(store.actor("ann")) as work:
        work.save_all([project, files])
        work.save(plate("plate", [image("A1"), image("A2")]))
    yield store
    store.close()


@pytest.fixture
def work(filled_store: Store) -> Iterator[Work]:
    with filled_store.read(filled_store.actor("ann")) as work:
        yield work


def _names(found: list[Any]) -> list[str]:
    return [unwrap(each.getName()) for each in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select i.name, i.series from Image i where i.id = 1", [["a", 0]]),
        ("select name from Image where series = 3", [["d"]]),
        ("select count(*) from Image", [[6]]),
        ("select count(distinct l.child) from ImageAnnotationLink l", [[3]]),
        ("select min(i.series), max(i.series), sum(i.series) from Image i", [[0, 3, 6]]),
        ("select i.name from Image i where i.id in (1, 3) order by i.id desc", [["c"], ["a"]]),
        ("select i.name from Image i where i.id not in (1, 2, 3, 4, 5)", [["A2"]]),
        ("select i.name from Image i where i.name between 'b' and 'c'", [["b"], ["c"]]),
        ("select i.name from Image i where i.name like '_1'", [["A1"]]),
        ("select i.name from Image i where i.name like 'a%'", [["a"]]),
        ("select i.name from Image i where i.name ilike 'a_'", [["A1"], ["A2"]]),
        ("select count(i) from Image i where i.description like '%100\\%'", [[2]]),
        ("select upper(i.description) from Image i where i.id = 1", [["ÉTÉ 100%"]]),
        ("select i.name || '-' || i.id from Image i where i.id = 2", [["b-2"]]),
        ("select substring(i.description, 1, 3) from Image i where i.id = 1", [["Été"]]),
        ("select coalesce(i.description, 'none') from Image i where i.id = 3", [["none"]]),
        ("select cast(i.id as string) from Image i where i.id = 1", [["1"]]),
        ("select i.series * 2 + 1 from Image i where i.id = 4", [[7]]),
        ("select i.series - (2 - 1) - 1 from Image i where i.id = 4", [[1]]),
        ("select i.name from Image i where i.partial = true", [["b"]]),
        ("select i.name from Image i where i.partial = false or not i.partial is null and "
         "i.partial", [["b"]]),
        ("select 7 / 2 from Image i where i.id = 1", [[3]]),
        ("select i.name from Image i where i.description is null and i.series is not null "
         "order by i.name", [["c"], ["d"]]),
        ("select i.name from Image i where not (i.series < 3) and i.id <= 4", [["d"]]),
        ("select case when i.series = 0 then 'first' else 'later' end from Image i "
         "where i.id in (1, 2) order by i.id", [["first"], ["later"]]),
        ("select d.name, count(l) from Dataset d join d.imageLinks l group by d.name "
         "having count(l) > 1", [["D1", 3]]),
        ("select d.name from Dataset d where size(d.imageLinks) = 1", [["D2"]]),
        ("select d.imageLinks.size from Dataset d where d.name = 'D1'", [[3]]),
        ("select i.name from Image i where i.wellSamples is not empty order by i.name",
         [["A1"], ["A2"]]),
        ("select e.clientPath from Fileset f join f.usedFiles e where index(e) = 1",
         [["data/y.tif"]]),
        ("select maxindex(f.usedFiles) from Fileset f", [[1]]),
        ("select d.name from Dataset d where exists (from d.imageLinks l "
         "where l.child.name = 'd')", [["D2"]]),
        ("select i.name from Image i where i in (select l.child from DatasetImageLink l "
         "where l.parent.name = 'D2')", [["d"]]),
        ("select i.name from Image i, DatasetImageLink l where l member of i.datasetLinks "
         "and l.parent.name = 'D2'", [["d"]]),
        ("select i.name from Image i, DatasetImageLink l where l.parent.name = 'D2' "
         "and l in elements(i.datasetLinks)", [["d"]]),
        ("select i.name from Image i fetch all properties where 4 = i.id", [["d"]]),
        ("select i.name from Image i where i.series = (select max(j.series) from Image j)",
         [["d"]]),
        ("select l.parent.name from DatasetImageLink l where l.child.id = 4", [["D2"]]),
        ("select p.name from Image i join i.datasetLinks dl join dl.parent.projectLinks pl "
         "join pl.parent p where i.name = 'd'", [["P"]]),
        ("select i.details.owner.omeName, i.details.group.name from Image i where i.id = 1",
         [["ann", "lab"]]),
        ("select o.omeName from Image i join i.details.owner o where i.id = 1", [["ann"]]),
        ("select v.name, v.value from MapAnnotation m join m.mapValue v order by v.name",
         [["key", "value"], ["second", "2"]]),
        ("select i.name from Image i join i.annotationLinks l join l.child a "
         "where a.textValue = 'cells' and type(a) = TagAnnotation order by i.name",
         [["a"], ["b"]]),
        ("select a.id from Annotation a where a.class = MapAnnotation", [[2]]),
        ("select p.physicalSizeX.value, p.physicalSizeX.unit from Pixels p where p.image.id = 1",
         [[0.25, "MICROMETER"]]),
        ("select p.physicalSizeX from Pixels p where p.id = 1",
         [[{"value": 0.25, "unit": "MICROMETER", "symbol": "µm"}]]),
        ("select new map(i.id as id, i.name as name) from Image i where i.id = 1",
         [[{"id": 1, "name": "a"}]]),
        ("select new list(i.id, i.name) from Image i where i.id = 1", [[[1, "a"]]]),
        ("select i.name as n from Image i where i.id < 4 order by n desc", [["c"], ["b"], ["a"]]),
        ("select distinct p.image.fileset.id from Pixels p where p.image.fileset is not null",
         [[1]]),
        ("select i.archived from Image i where i.id = 1", [[None]]),
        ("select d.name, i.name from Dataset d, Image i where i.id = 1 and d.name like 'D%' "
         "order by d.name", [["D1", "a"], ["D2", "a"]]),
    ],
)  # fmt: skip
def test_projections(work: Work, query: str, expected: list[list[Any]]) -> None:
    assert [unwrap(row) for row in work.projection(query)] == expected


def test_projections_have_omeros_types(work: Work) -> None:
    (row,) = work.projection(
        "select i.id, i.name, i.series, count(i), p.physicalSizeX.value, "
        "i.details.creationEvent.time, size(i.pixels), i, i.details.permissions, i.class "
        "from Image i join i.pixels p where i.id = 1 group by i.id"
    )
    names = [type(value).__name__ for value in row]
    assert names == [
        *("RLongI", "RStringI", "RIntI", "RLongI", "RDoubleI", "RTimeI", "RIntI"),
        *("RObjectI", "RMapI", "RClassI"),
    ]
    assert unwrap(row[8])["perm"] == "rwr---"
    assert unwrap(row[8])["canDelete"] is True
    assert unwrap(row[9]) == "ome.model.core.Image"


@pytest.mark.parametrize(
    ("query", "parameters", "expected"),
    [
        ("where i.id = :id", {"id": rlong(2)}, ["b"]),
        ("where i.name = :n", {"n": rstring("c")}, ["c"]),
        ("where i.id in (:ids)", {"ids": rlist([rlong(1), rlong(2)])}, ["a", "b"]),
        ("where i.id in :ids", {"ids": [3]}, ["c"]),
        ("where i.id not in (:ids) and i.id < 5", {"ids": [1, 2]}, ["c", "d"]),
        ("where i.name in (:names)", {"names": ["a", "ü"]}, ["a"]),
        ("where i.id in (:none)", {"none": []}, []),
        ("where :id = i.fileset.id", {"id": 1}, ["a", "b", "c"]),
        ("where i.partial = :yes", {"yes": rbool(True)}, ["b"]),
        ("where i = :image", {"image": omero.model.ImageI(4, False)}, ["d"]),
    ],
)
def test_parameters(
    work: Work, query: str, parameters: dict[str, Any], expected: list[str]
) -> None:
    assert _names(work.query(f"select i from Image i {query} order by i.id", parameters)) == (
        expected
    )


def test_objects_come_with_nothing_but_their_own_fields(work: Work) -> None:
    (found,) = work.query("from Image where name = 'a'")
    assert found.isLoaded()
    assert not found.getFileset().isLoaded()
    assert not found.isPixelsLoaded()
    assert not found.isAnnotationLinksLoaded()
    assert not found.getDetails().getOwner().isLoaded()


def test_what_is_fetched_is_loaded(work: Work) -> None:
    (found,) = work.query(
        "select i from Image i join fetch i.details.owner join fetch i.details.creationEvent e "
        "left outer join fetch i.pixels p left join fetch p.pixelsType join fetch p.channels c "
        "join fetch c.logicalChannel left join fetch i.annotationLinks l left join fetch l.child "
        "left join fetch i.wellSamples where i.id = 1"
    )
    assert unwrap(found.getDetails().getOwner().getOmeName()) == "ann"
    assert found.getDetails().getCreationEvent().isLoaded()
    pixels = found.getPrimaryPixels()
    assert pixels.getImage() is found
    assert unwrap(pixels.getPixelsType().getValue()) == "uint16"
    logical = [channel.getLogicalChannel() for channel in pixels.copyChannels()]
    assert _names(logical) == ["channel 0", "channel 1"]
    texts = {type(each).__name__ for each in found.linkedAnnotationList()}
    assert texts == {"TagAnnotationI", "MapAnnotationI"}
    assert found.copyWellSamples() == []
    assert not found.isDatasetLinksLoaded()
    assert not pixels.isThumbnailsLoaded()


def test_one_object_is_one_object_in_an_answer(work: Work) -> None:
    links = work.query("select l from DatasetImageLink l join fetch l.parent where l.parent.id = 1")
    assert len(links) == 3
    assert len({id(link.getParent()) for link in links}) == 1


def test_fetching_a_collection_neither_repeats_nor_cuts_objects(work: Work) -> None:
    query = "select i from Image i left join fetch i.pixels p left join fetch p.channels"
    first = work.query(query + " order by i.id", page=Page(0, 2))
    second = work.query(query + " order by i.id", page=Page(2, 2))
    assert _names(first + second) == ["a", "b", "c", "d"]
    assert {len(each.getPrimaryPixels().copyChannels()) for each in first + second} == {2}


def test_pages(work: Work) -> None:
    query = "select i.name from Image i order by i.id"
    assert unwrap(work.projection(query, page=Page(offset=1, limit=2))) == [["b"], ["c"]]
    assert unwrap(work.projection(query, page=Page(offset=5))) == [["A2"]]


def test_a_join_repeats_what_it_is_not_fetched_for(work: Work) -> None:
    query = "select d from Dataset d join d.imageLinks l where d.name = 'D1'"
    assert len(work.query(query)) == 3
    assert len(work.query(query.replace("select d", "select distinct d"))) == 1


def test_a_left_join_gives_what_has_no_other_end(work: Work) -> None:
    query = "select i.name, f.id from Image i {} join i.fileset f where i.id > 2 order by i.id"
    assert len(work.projection(query.format("left"))) == 4
    assert len(work.projection(query.format("inner"))) == 1


def test_what_a_left_join_passes_on_its_way_is_joined_so_too(work: Work) -> None:
    """How OMERO.web asks where an image is shown: two of them are in a plate and in no dataset."""
    rows = work.projection(
        "select i.name, d.omeName, p.omeName from Image i left outer join i.datasetLinks l"
        " left outer join l.parent.details.owner d left outer join l.parent.projectLinks k"
        " left outer join k.parent.details.owner p where i.id > 3 order by i.id"
    )
    assert unwrap(rows) == [["d", "ann", "ann"], ["A1", None, None], ["A2", None, None]]


def test_a_join_may_have_a_condition(work: Work) -> None:
    rows = work.projection(
        "select i.name, t.textValue from Image i left join i.annotationLinks l "
        "left join l.child t with t.textValue = 'cells' where i.id in (1, 4) order by i.id, t.id"
    )
    assert unwrap(rows) == [["a", "cells"], ["a", None], ["d", None]]


def test_nulls_are_largest(work: Work) -> None:
    query = "select i.name from Image i where i.id in (2, 3) order by i.description "
    assert unwrap(work.projection(query)) == [["b"], ["c"]]
    assert unwrap(work.projection(query + "desc")) == [["c"], ["b"]]


def test_a_base_type_finds_all_its_heirs(work: Work) -> None:
    found = work.query("from Annotation a order by a.id")
    assert {type(each).__name__ for each in found} == {
        "TagAnnotationI",
        "MapAnnotationI",
        "CommentAnnotationI",
    }
    assert len(work.query("from TextAnnotation")) == 2
    assert len(work.query("from ome.model.annotations.TagAnnotation")) == 1


def test_permissions_in_a_map(work: Work) -> None:
    (row,) = work.projection(
        "select new map(i.id as id, i as i_details_permissions) from Image i where i.id = 1"
    )
    permissions = unwrap(row)[0]["i_details_permissions"]
    assert permissions["canAnnotate"] is True
    assert permissions["perm"] == "rwr---"


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("select o from Imagery o", "Imagery"),
        ("select i.nam from Image i", "Image has no nam"),
        ("select x.name from Image i", "x.name"),
        ("select i from Image i where i.pixels.id = 1", "join it first"),
        ("select i from Image i where i.id = :missing", "missing"),
        ("select i.name from Image i where i.id = :many", "list"),
        ("select count(*) from Image i join fetch i.pixels", "owner of the fetched association"),
        ("select nonsense(i.id) from Image i", "nonsense"),
        ("select substring() from Image i", "substr"),
        ("select i from Image i where i.details = 1", "details"),
        ("select i.pixels from Image i", "collection"),
        ("select index(d) from Dataset d", "ordered"),
        ("select i from Image i join i.name n", "plain value"),
        ("select i from Image i where", "ends too early"),
    ],
)
def test_bad_queries_are_named(work: Work, query: str, complaint: str) -> None:
    with pytest.raises(omero.QueryException) as error:
        work.projection(query, {"many": [1, 2]})
    assert complaint in error.value.message
    assert query in error.value.message


@pytest.mark.parametrize("query", ["select i.id from Image i", "select i, i from Image i"])
def test_objects_are_asked_for_one_at_a_time(work: Work, query: str) -> None:
    with pytest.raises(omero.QueryException):
        work.query(query)


def test_a_list_may_be_longer_than_a_statement_may_have_parameters(work: Work) -> None:
    ids = rlist([rlong(number) for number in range(2, 50_000)])
    found = work.query("select i from Image i where i.id in (:ids) order by i.id", {"ids": ids})
    assert _names(found) == ["b", "c", "d", "A1", "A2"]
