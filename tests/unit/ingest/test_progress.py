"""Long batches say now and then how far they are."""

import time

import pytest

from ingest.progress import Progress


def test_a_line_says_how_far_and_how_fast() -> None:
    progress = Progress()
    assert progress.line("checksum b", 3, 10) == "checksum b: 0 of 3 filesets, 10 s"
    progress.advance(1_500_000_000)
    progress.advance(500_000_000)
    progress.fileset_done()
    assert (
        progress.line("checksum b", 3, 10) == "checksum b: 1 of 3 filesets, 2.00 GB, 200 MB/s, 10 s"
    )


def test_lines_come_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with progress.shown("copy b", 1, interval=0.05):
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 4
    assert lines[0].startswith("copy b: 0 of 1 filesets")
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_short_batch_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().shown("copy b", 1):
        pass
    assert capsys.readouterr().err == ""
