"""Any cells and any bytes: rows or problems come of them, and nothing else."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.manifest import ManifestError
from tests.unit.ingest.manifest.reading import Read

CELLS = st.one_of(
    st.sampled_from(["", "a.tif", "set", "f", "F", "..", "Dataset:name:D", "*", "ln_s", ";", '"']),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
COLUMNS = st.lists(
    st.one_of(
        st.sampled_from(["files", "target", "name", "transfer", "checksum", "tags", "kv.k"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    ),
    max_size=3,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(extra=COLUMNS, rows=st.lists(st.lists(CELLS, max_size=6), max_size=5), skip=st.booleans())
def test_any_cells_become_rows_or_problems(
    read: Read, extra: list[str], rows: list[list[str]], skip: bool
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["fileset", "path", *extra], *rows])
    meant = [row for row in rows if any(cell.strip() for cell in row)]
    try:
        manifest = read(text.getvalue(), invalid_rows="skip" if skip else "refuse")
    except ManifestError as error:
        assert error.problems
        assert all(problem.cause and problem.remedy for problem in error.problems)
        return
    assert len(manifest.rows) == len(meant)
    assert len({row.id.lower() for row in manifest.rows}) == len(meant)
    flagged = {row.row for row in manifest.rows if row.problem}
    assert flagged == {problem.row for problem in manifest.problems}
    assert skip or not flagged
    for row, cells in zip(manifest.rows, meant, strict=True):
        if not row.problem:
            assert row.id == cells[0].strip()
            assert Path(row.path).exists()


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(read: Read, content: bytes) -> None:
    for start in (b"", b"fileset,path\n"):
        with pytest.raises(ManifestError) as refused:
            read(start + content + b"\nf,gone.tif")
        assert all(problem.cause and problem.remedy for problem in refused.value.problems)
