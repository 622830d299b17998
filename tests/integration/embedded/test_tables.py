"""OMERO.tables, as clients use them."""

from __future__ import annotations

from typing import Any

import omero
import omero.gateway
import pytest
from omero.grid import DoubleColumn, ImageColumn, LongColumn, StringColumn
from omero.rtypes import rint, rstring


def columns() -> list[Any]:
    return [
        ImageColumn("Image", "", [1, 2, 3]),
        LongColumn("Count", "cells", [10, -20, 30]),
        DoubleColumn("Size", "", [0.5, 1.5, 2.5]),
        StringColumn("Gene", "", 16, ["GFP", "", "α-tubulin"]),
    ]


def headers(made: list[Any]) -> list[Any]:
    return [
        StringColumn(each.name, each.description, 16, [])
        if isinstance(each, StringColumn)
        else type(each)(each.name, each.description, [])
        for each in made
    ]


def test_a_table_is_made_filled_and_read_by_another_session(server: Any, ada: Any) -> None:
    resources = ada.sf.sharedResources()
    assert resources.areTablesEnabled()
    repository = resources.repositories().descriptions[0].getId().getValue()
    table = resources.newTable(repository, "/bulk_annotations")
    table.initialize(headers(columns()))
    table.addData(columns())
    table.setMetadata("source", rstring("annotation.csv"))
    file = table.getOriginalFile()
    table.close()

    other = server.connect("ada")
    try:
        saved = other.sf.getQueryService().get("OriginalFile", file.getId().getValue())
        assert (saved.name.val, saved.mimetype.val) == ("bulk_annotations", "OMERO.tables")
        assert saved.size.val > 0
        assert saved.hash.val
        opened = other.sf.sharedResources().openTable(saved)
        assert [head.name for head in opened.getHeaders()] == ["Image", "Count", "Size", "Gene"]
        assert opened.getNumberOfRows() == 3
        assert opened.getMetadata("source").val == "annotation.csv"
        data = opened.read([0, 1, 2, 3], 0, 3)
        assert [list(column.values) for column in data.columns] == [
            list(column.values) for column in columns()
        ]
        assert list(opened.getWhereList("(Count > lowest)", {"lowest": rint(0)}, 0, 3, 1)) == [0, 2]
        assert list(opened.readCoordinates([2]).columns[3].values) == ["α-tubulin"]
        data = opened.slice([1], [1])
        data.columns[0].values = [99]
        opened.update(data)
        assert list(opened.slice([1], [0, 1]).columns[0].values) == [10, 99]
        opened.close()
    finally:
        other.closeSession()


def test_who_may_not_change_a_file_may_not_change_its_table(server: Any, ada: Any) -> None:
    table = ada.sf.sharedResources().newTable(1, "mine")
    table.initialize(headers(columns()))
    file = table.getOriginalFile()
    table.close()
    reader = server.connect("grace")
    try:
        with pytest.raises(omero.SecurityViolation):
            opened = reader.sf.sharedResources().openTable(file)
            opened.addData(columns())
    finally:
        reader.closeSession()


def test_what_is_no_table_is_not_opened(ada: Any) -> None:
    file = omero.model.OriginalFileI()
    file.name, file.path = rstring("a.txt"), rstring("/")
    file.mimetype = rstring("text/plain")
    saved = ada.sf.getUpdateService().saveAndReturnObject(file)
    with pytest.raises(omero.ValidationException, match="is no table"):
        ada.sf.sharedResources().openTable(saved)
