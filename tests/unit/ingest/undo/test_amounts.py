"""How much may be changed, and what an interrupted command leaves for the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.undo.amounts import Begun, begin, begun, end, refusal


@pytest.mark.parametrize(
    ("apply", "count", "earlier", "is_refused"),
    [
        (True, 10, None, False),
        (True, 11, None, True),
        (11, 11, None, False),
        (10, 11, None, True),
        (12, 11, None, True),
        (100, 11, 100, False),
        (99, 11, 100, True),
        (100, 101, 100, True),
        (7, 0, None, False),
        (True, 1, None, False),
        (1, 2, None, True),
    ],
)
def test_no_more_than_a_part_unless_the_number_is_given(
    apply: bool | int, count: int, earlier: int | None, is_refused: bool
) -> None:
    words = refusal(apply, count, 100, 0.1, earlier)
    assert bool(words) == is_refused
    assert not words or str(count) in words


def test_what_was_begun_is_known_until_it_ends(tmp_path: Path) -> None:
    assert begun(tmp_path, "relink") is None
    begin(tmp_path, "relink", 57, {"roots": {"/old": "/new"}})
    begin(tmp_path, "rollback", 3, {})
    assert begun(tmp_path, "relink") == Begun(57, {"roots": {"/old": "/new"}})
    end(tmp_path, "relink")
    end(tmp_path, "relink")
    assert begun(tmp_path, "relink") is None
    assert begun(tmp_path, "rollback") == Begun(3, {})
