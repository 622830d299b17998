"""What an order's row means, and what is refused of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.config import load
from ingest.fileset import BadText
from ingest.orders.order import Order, parse_order

CONFIG = load(
    {
        "converters": {
            "leica": {"contract": "biomero", "image": "images/leica.sif"},
            "db": {"contract": "biomero", "image": "docker://example.org/cimg/db-to-ome:v1"},
        },
        "convert": {"store": "/store"},
        "orders": {
            "paths": {"/data": "/mnt/scopes", "/data/old": "/archive"},
            "converters": {"cimg/convertleica:v1.2.0": "leica"},
        },
    }
)


def row(**changes: Any) -> dict[str, Any]:
    files = changes.pop("listed", ["/data/a.tif"])
    return {
        "uuid": "0b5c0ab6-0000-4000-8000-000000000001",
        "user_name": "anna",
        "group_name": "lab",
        "destination_id": "456",
        "destination_type": "Dataset",
        "files": json.dumps(files),
        "preprocessing_id": None,
        **changes,
    }


def preprocessed(**changes: Any) -> dict[str, Any]:
    return row(
        **{
            "preprocessing_id": 3,
            "container": "cimg/convertleica:v1.2.0",
            "input_file": "{Files}",
            "extra_params": {"image_uuid": "a b&c", "series": 2},
            **changes,
        }
    )


def parse(found: dict[str, Any]) -> Order:
    return parse_order(found, CONFIG.orders, CONFIG.converters)


def test_says_who_what_and_where_to() -> None:
    order = parse(row(listed=["/data/a.tif", "/data/old/../b c.tif", "/data//a.tif"]))
    assert order == Order(
        "0b5c0ab6-0000-4000-8000-000000000001",
        "anna",
        "lab",
        "Dataset:id:456",
        ("/mnt/scopes/a.tif", "/mnt/scopes/b c.tif"),
        "",
    )


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/data/old/x.czi", "/archive/x.czi"),
        ("/data/older/x.czi", "/mnt/scopes/older/x.czi"),
        ("/database/x.czi", "/database/x.czi"),
        ("/data/../etc/passwd", "/etc/passwd"),
        ("/../data//x.czi", "/mnt/scopes/x.czi"),
    ],
)
def test_paths_are_those_of_this_machine(path: str, here: str) -> None:
    assert parse(row(listed=[path])).paths == (here,)


def test_a_container_is_a_converter_with_its_parameters() -> None:
    assert parse(preprocessed()).convert == "leica?image_uuid=a%20b%26c&series=2"
    by_image = preprocessed(container="cimg/db-to-ome:v1", extra_params=None)
    assert parse(by_image).convert == "db"
    assert parse({**by_image, "container": "example.org/cimg/db-to-ome:v1"}).convert == "db"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"listed": []}, "the list of files is empty"),
        ({"listed": "/data/a.tif"}, "not a list"),
        ({"listed": None}, "not a list"),
        ({"listed": {"/data/a.tif": 1}}, "not a list"),
        ({"listed": [None]}, "not an absolute path"),
        ({"listed": ["/data/a.tif", ""]}, "not an absolute path"),
        ({"listed": ["a.tif"]}, "not an absolute path"),
        ({"listed": [["/data/a.tif"]]}, "not an absolute path"),
        ({"listed": ["/data/a\n.tif"]}, "control characters"),
        ({"listed": ["/data/a.tif "]}, "a space"),
        ({"listed": ["/data/\udcff.tif"]}, "UTF-8"),
        ({"files": "['/data/a.tif']"}, "not JSON"),
        ({"files": None}, "not JSON"),
        ({"files": "[" * 100_000}, "not JSON"),
        ({"destination_id": "456.9"}, "'456.9'"),
        ({"destination_id": "True"}, "'True'"),
        ({"destination_id": None}, "None"),
        ({"destination_id": ""}, "''"),
        ({"destination_id": "0"}, "'0'"),
        ({"destination_id": "-3"}, "'-3'"),
        ({"destination_id": "４"}, "not the id"),
        ({"destination_id": "1_000"}, "not the id"),
        ({"destination_id": "9" * 19}, "not the id"),
        ({"destination_type": "Project"}, "'Project'"),
        ({"destination_type": "dataset"}, "'dataset'"),
        ({"destination_type": None}, "None"),
        ({"user_name": ""}, "no user"),
        ({"user_name": None}, "no user"),
        ({"group_name": "  "}, "no group"),
        ({"uuid": ""}, "no uuid"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadText) as refused:
        parse(row(**changes))
    assert words in str(refused.value)
    assert refused.value.problem.remedy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"container": "evil/miner:latest"}, "no converter"),
        ({"container": "convertleica:v1.2.0"}, "no converter"),
        ({"container": None}, "no container"),
        ({"input_file": "/etc/passwd"}, "/etc/passwd"),
        ({"extra_params": ["a"]}, "parameters"),
        ({"extra_params": {"outputfolder": "/"}}, "outputfolder"),
        ({"extra_params": {"series": None}}, "series"),
        ({"extra_params": {"list": "{Files}"}}, "list"),
    ],
)
def test_a_preprocessing_that_is_not_ours_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadText) as refused:
        parse(preprocessed(**changes))
    assert words in str(refused.value)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(row(), _anything)), st.booleans())
def test_nothing_else_comes_of_any_row(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        fields["files"] = json.dumps(fields["files"])
    fields |= {
        "container": fields["uuid"],
        "input_file": "{Files}",
        "extra_params": fields["files"],
    }
    try:
        order = parse(fields)
    except BadText as refused:
        assert refused.problem.remedy
    else:
        assert order.paths and all(Path(path).is_absolute() for path in order.paths)
