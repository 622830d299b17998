"""Converters in the configuration, what a row's cell asks of them, and the command it makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.config import ConfigError, load
from ingest.conversion.options import parse_request
from ingest.conversion.template import command, stem
from ingest.fileset import BadText

TEMPLATE = {
    "image": "a.sif",
    "command": "bfconvert -series {series} '{input}' {output}/{stem}.ome.tiff",
    "parameters": {"series": "0"},
}
BIOMERO = {"image": "a.sif", "contract": "biomero"}


def converters(**described: dict[str, Any]) -> Any:
    return load({"converters": described}).converters


def test_a_template_is_filled_in_word_by_word() -> None:
    request = parse_request("bf?series=3", converters(bf=TEMPLATE))
    assert command(request, "/data/my cell.czi", ["/data/my cell.czi"], "/output") == [
        "bfconvert", "-series", "3", "/data/my cell.czi", "/output/my cell.ome.tiff",
    ]  # fmt: skip
    assert parse_request("bf", converters(bf=TEMPLATE)).parameters == {"series": "0"}


def test_all_inputs_become_a_word_each() -> None:
    many = {"image": "a.sif", "command": "join {inputs} {output}/x.tif {{}}"}
    request = parse_request("many", converters(many=many))
    assert command(request, "/data", ["/data/a", "/data/b c"], "/output") == [
        "join", "/data/a", "/data/b c", "/output/x.tif", "{}",
    ]  # fmt: skip


@given(st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" ")))
def test_no_value_becomes_two_words_or_a_placeholder(value: str) -> None:
    from urllib.parse import quote

    request = parse_request(f"bf?series={quote(value)}", converters(bf=TEMPLATE))
    assert command(request, "/data/a", ["/data/a"], "/output")[2] == value


@pytest.mark.parametrize(
    ("cell", "cause", "remedy"),
    [
        ("bff", "no converter 'bff'", "Did you mean bf?"),
        ("zarr", "no converter 'zarr'", "There are: bf, leica"),
        ("bf?serie=1", "takes no parameter serie", "It takes series"),
        ("bf?input=1", "takes no parameter input", "It takes series"),
        ("bf?series=1&series=2", "given twice", "once"),
        ("bf?=1", "not a parameter's name", "key=value"),
        ("bf?series=a%0Ab", "control characters", "Retype"),
        ("bf?series=%ff", "cannot be read", "key=value"),
        ("needs", "needs a value for x", "needs?x=..."),
        ("leica?inputfile=/etc/passwd", "inputfile cannot be set by a row", "Leave"),
        ("memory", "memory_mb", "Set memory_mb"),
    ],
)
def test_a_cell_that_asks_for_what_there_is_not(cell: str, cause: str, remedy: str) -> None:
    known = converters(
        bf=TEMPLATE,
        leica=BIOMERO,
        needs={"image": "a.sif", "command": "c {input} {output} {x}"},
        memory={"image": "a.sif", "command": "c {input} {output} {memory_mb}"},
    )
    with pytest.raises(BadText) as refused:
        parse_request(cell, known)
    assert cause in refused.value.problem.cause
    assert remedy in refused.value.problem.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"x y": BIOMERO}, "is not a valid name for a converter"),
        ({"none": BIOMERO}, "is not a valid name for a converter"),
        ({"c": {"image": "a.sif"}}, "neither a command nor the contract biomero"),
        ({"c": {"contract": "biomero"}}, "has no image"),
        ({"c": {"image": "a", "command": "x {input}"}}, "no {output}"),
        ({"c": {"image": "a", "command": "x {input} {output} {a.b}"}}, "not a placeholder"),
        ({"c": {"image": "a", "command": "x {input} {output} '"}}, "cannot be taken apart"),
        ({"c": {"image": "a", "command": "x {input} {output} {"}}, "cannot be taken apart"),
        ({"c": {"image": "a", "command": "x={inputs} {output}"}}, "must stand alone"),
        ({"c": {**BIOMERO, "runtime": "host"}}, "an image, and the runtime host"),
        ({"c": {"contract": "biomero", "runtime": "host"}}, "on the host has no command"),
        ({"c": {**BIOMERO, "runtime": "singularity"}}, "converters.c.runtime"),
        ({"c": {**BIOMERO, "imag": "x"}}, "Did you mean image?"),
        ({"c": {**BIOMERO, "time_limit_minutes": 0}}, "time_limit_minutes"),
        ({"c": {**BIOMERO, "environment": {"OMERO_PASSWORD": "x"}}}, "OMERO_PASSWORD"),
        ({"c": {**BIOMERO, "environment": {"A": "x\nB=y"}}}, "control characters"),
        ({"c": {**BIOMERO, "parameters": {"a b": "x"}}}, "a b"),
    ],
)
def test_mistakes_in_the_configuration(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"converters": options})
    assert said in str(refused.value)


def test_a_default_converter_must_be_there_and_have_a_store() -> None:
    with pytest.raises(ConfigError, match="no converter 'x'"):
        load({"converters": {"c": BIOMERO}, "defaults": {"convert": "x"}})
    with pytest.raises(ConfigError, match="no store"):
        load({"converters": {"c": BIOMERO}, "defaults": {"convert": "c"}})
    store = {"convert": {"store": "s"}}
    assert load({"converters": {"c": BIOMERO}, "defaults": {"convert": "c"}, **store})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/d/a.czi", "a"),
        ("a.ome.tiff", "a"),
        ("a.b.ome.tif", "a.b"),
        ("a", "a"),
        (".hidden", ".hidden"),
        (".ome.tif", ".ome"),
    ],
)
def test_stems(name: str, expected: str) -> None:
    assert stem(name) == expected
