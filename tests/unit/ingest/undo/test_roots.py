"""Which old root counts, and what has been moved already."""

from __future__ import annotations

import pytest

from ingest.undo.roots import Roots


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("/old/a.tif", "/new/a.tif"),
        ("/old/inner/a.tif", "/elsewhere/a.tif"),
        ("/old/inner2/a.tif", "/new/inner2/a.tif"),
        ("/older/a.tif", None),
        ("/old", None),
        ("old/a.tif", None),
        ("/old/../etc/passwd", None),
        ("/new/a.tif", None),
    ],
)
def test_the_longest_root_counts(path: str, new: str | None) -> None:
    roots = Roots({"/old": "/new", "/old/inner": "/elsewhere"})
    assert roots.new(path) == new


def test_what_lies_in_a_new_root_inside_the_old_one_has_been_moved() -> None:
    roots = Roots({"/data": "/data/archive"})
    assert roots.new("/data/a.tif") == "/data/archive/a.tif"
    assert roots.new("/data/archive/a.tif") is None
    assert roots.is_new("/data/archive/a.tif") and not roots.is_new("/data/a.tif")


def test_a_root_may_move_upwards() -> None:
    roots = Roots({"/data/old": "/data"})
    assert roots.new("/data/old/a.tif") == "/data/a.tif"
    assert roots.new("/data/a.tif") is None
    assert roots.new_root("/data/old/a.tif") == "/data"
