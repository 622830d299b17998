"""Numbers, names and failures as people read them."""

from __future__ import annotations

import pytest

from ingest.words import duration, printable, size, some, told


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (99_960, "100 kB"),
     (999_600, "1.0 MB"), (2_000_000_000_000, "2.0 TB"), (4.2e15, "4.2 PB"), (5e18, "5000 PB")],
)  # fmt: skip
def test_sizes_are_for_people(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.04, "< 0.1 s"),
        (9.94, "9.9 s"),
        (42, "42 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7621, "2 h 07 min"),
        (274_000, "3 d 4 h"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_some_names_stand_for_all() -> None:
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c", "d"], "rows", most=2) == "a, b and 2 more rows"


def test_what_steers_a_terminal_is_escaped() -> None:
    assert printable("a\x1b[2J\nb") == "a\\x1b[2J\\nb"
    assert told("plate", "bad\r", "Mend.") == "  plate\n    cause:  bad\\r\n    remedy: Mend."
