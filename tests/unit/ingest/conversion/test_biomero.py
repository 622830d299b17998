"""BIOMERO's contract: what an image is called with, and what it may answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.conversion.biomero import Announced, announced, arguments, inside, pairs
from ingest.fileset import StageError

ONE = {"name": "a", "full_path": "/output/a.ome.tiff"}

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = texts.filter(lambda text: bool(text.strip()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def test_the_image_is_called_as_the_importer_of_biomero_does() -> None:
    assert arguments("/data/a.lif", "/output", "/alt", {"saveoption": "single", "quiet": ""}) == [
        "--inputfile", "/data/a.lif", "--outputfolder", "/output", "--altoutputfolder", "/alt",
        "--saveoption", "single", "--quiet",
    ]  # fmt: skip
    assert arguments("/data/a", "/output", "", {}) == [
        "--inputfile", "/data/a", "--outputfolder", "/output"
    ]  # fmt: skip


@pytest.mark.parametrize("after", ["", "\n", "\r\n", "\n\n  \n\t\n"])
@pytest.mark.parametrize("before", ["", "Processing: a.lif...\n", "[1, 2\n", "{\n"])
def test_the_last_line_that_is_not_blank_counts(before: str, after: str) -> None:
    assert announced(before + json.dumps([ONE]) + after, "c") == [
        Announced("/output/a.ome.tiff", "", "a")
    ]


def test_an_end_of_line_within_a_text_is_none() -> None:
    line = json.dumps([{**ONE, "name": "a\u2028b"}], ensure_ascii=False)
    assert announced(f"\ufeff{line}\n", "c") == [Announced("/output/a.ome.tiff", "", "a\u2028b")]


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_texts_that_no_database_takes_are_refused(text: str) -> None:
    for wrong in ({"name": text}, {"keyvalues": {"k": text}}, {"keyvalues": [{text: "v"}]}):
        with pytest.raises(StageError):
            announced(json.dumps([{**ONE, **wrong}]), "c")


@pytest.mark.parametrize(
    "stdout", ["", "\n \n", "done", "[INFO] done", "[2024-01-01] done", "100%", "null", "7", '"x"']
)
def test_json_is_optional(stdout: str) -> None:
    assert announced(stdout, "c") is None


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("[]", "made nothing"),
        ("{}", "without a path"),
        ('[{"full_path": "/output/a"', "broken JSON"),
        ("[{'full_path': '/output/a'}]", "broken JSON"),
        ('{"full_path": ', "broken JSON"),
        ("[", "broken JSON"),
        ("[" * 100_000, "broken JSON"),
        ('["/output/a"]', "not an object"),
        ("[[]]", "not an object"),
        ("[{}]", "without a path"),
        ('[{"full_path": null}]', "without a path"),
        ('[{"full_path": "  "}]', "without a path"),
        ('[{"full_path": 7}]', "full_path"),
        ('[{"full_path": ["a"]}]', "full_path"),
        ('[{"full_path": "a\\u0000b"}]', "full_path"),
        ('[{"full_path": "/output/a", "alt_path": {}}]', "alt_path"),
        ('[{"full_path": "/output/a", "name": 3}]', "name"),
        ('[{"full_path": "/output/a", "keyvalues": "x"}]', "key-values"),
        ('[{"full_path": "/output/a", "keyvalues": [1]}]', "key-values"),
    ],
)
def test_what_is_not_as_the_contract_has_it_is_refused_by_name(line: str, cause: str) -> None:
    with pytest.raises(StageError) as caught:
        announced(f"words\n{line}\n", "leica")
    assert cause in caught.value.cause
    assert "the converter leica" in caught.value.cause
    assert len(caught.value.cause) < 500
    assert caught.value.remedy


def test_an_object_instead_of_a_list_is_one_output() -> None:
    assert announced(json.dumps(ONE), "c") == announced(json.dumps([ONE]), "c")


def test_a_missing_alternative_path_and_one_that_is_null_are_the_same() -> None:
    assert announced(json.dumps([{**ONE, "alt_path": None}]), "c") == announced(
        json.dumps([ONE]), "c"
    )
    only_alternative = {"alt_path": "/alt/a"}
    assert announced(json.dumps([only_alternative]), "c") == [Announced("", "/alt/a")]


told = st.lists(st.dictionaries(texts, values, max_size=3), max_size=3)


@given(st.lists(st.tuples(names, told | st.none()), min_size=1, max_size=4))
def test_whatever_json_says_in_its_form_is_read(items: list[tuple[str, Any]]) -> None:
    stdout = json.dumps([{"full_path": path, "keyvalues": told} for path, told in items])
    found = announced(f"noise\n{stdout}\n\n", "c")
    assert found is not None
    assert [each.path for each in found] == [path.strip() for path, _ in items]
    for each, (_, told) in zip(found, items, strict=True):
        merged = {key: value for part in told or [] for key, value in part.items()}
        assert dict(each.key_values).keys() == {k for k, v in merged.items() if v is not None}


@given(st.text() | st.from_regex(r"[\[{][^\n]*"))
def test_no_line_does_more_than_to_be_refused(line: str) -> None:
    try:
        announced(line, "c")
    except StageError as error:
        assert error.remedy


def test_key_values_as_texts() -> None:
    told = [{"a": 1, "b": True}, {"a": "two", "c": [1, "x"], "d": {"e": [1]}, "f": None, "µ": 0.5}]
    assert pairs(told) == (
        ("a", "two"), ("b", "true"), ("c", "1, x"), ("d", '{"e": [1]}'), ("µ", "0.5"),
    )  # fmt: skip
    assert pairs({"a": "x"}) == (("a", "x"),)
    assert pairs([]) == pairs(None) == ()


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/output/a.tif", "a.tif"),
        ("/output/x/../a.tif", "a.tif"),
        ("/output//./x/a.tif", "x/a.tif"),
        ("a.tif", "a.tif"),
        ("x/a.tif", "x/a.tif"),
        ("/outputs/a.tif", None),
        ("/data/a.tif", None),
        ("../a.tif", None),
        ("/output/../etc/passwd", None),
        ("/output/x/../../output/a.tif", "a.tif"),
        ("/output", None),
        ("/output/x/..", None),
        ("/../../output/a.tif", "a.tif"),
    ],
)
def test_only_paths_in_the_output_folder_are_taken(path: str, inner: str | None) -> None:
    assert inside(path, "/output") == inner
