"""Records come back from disk as they were written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import records
from ingest.fileset import Record, SourceFile

# Surrogates stand for bytes of file names that are not UTF-8; separators break naive line readers.
text = st.text(
    st.characters(codec=None) | st.sampled_from("\n\r\x85\u2028\udc80\udcff"), max_size=20
)
numbers = st.integers(0, 2**63)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
files = st.builds(
    SourceFile, text, text, text, numbers, numbers, numbers, st.dictionaries(text, text, max_size=2)
)
record_lists = st.lists(
    st.builds(
        Record,
        fileset=text,
        stage=text,
        status=st.sampled_from(["ok", "notneeded", "impossible", "error"]),
        cause=text,
        remedy=text,
        started=text,
        seconds=st.floats(0, 1e9),
        host=text,
        files=st.lists(files, max_size=2).map(tuple),
        facts=st.dictionaries(text, json_values, max_size=3),
    ),
    max_size=4,
    unique_by=lambda record: record.fileset,
)


@given(written=record_lists)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, written: list[Record]) -> None:
    path = tmp_path_factory.getbasetemp() / "batch.jsonl"
    records.write_records(path, written)
    read = records.read_records(path)
    assert list(read.values()) == written
    assert list(read) == [record.fileset for record in written]


def test_one_json_line_per_record(tmp_path: Path) -> None:
    path = tmp_path / "checksum" / "b.jsonl"
    records.write_records(path, [Record("a", "checksum", "ok"), Record("b", "checksum", "error")])
    lines = path.read_text().splitlines()
    assert [json.loads(line)["fileset"] for line in lines] == ["a", "b"]


def test_a_record_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    records.write_records(path, [Record("a", "checksum", "ok")])
    with pytest.raises(TypeError):
        records.write_records(path, [Record("a", "checksum", "ok", facts={"x": object()})])
    assert list(records.read_records(path)) == ["a"]
