"""What failed in this run, as against earlier ones."""

from __future__ import annotations

from pathlib import Path

from ingest.failures import failed_since, last_failures, note_failure
from ingest.fileset import Record
from ingest.records import write_records


def test_only_new_failures_are_of_this_run(tmp_path: Path) -> None:
    failed = Record("b", "import", "error", "it burns", "Pour water.")
    for batch in ("old", "new"):
        (tmp_path / "import").mkdir(exist_ok=True)
        write_records(tmp_path / "import" / f"{batch}.jsonl", [Record("a", "import", "ok"), failed])
    note_failure(tmp_path, "import", "old")
    earlier = last_failures(tmp_path)
    assert failed_since(tmp_path, earlier) == []
    note_failure(tmp_path, "import", "new")
    note_failure(tmp_path, "targets", "targets")
    note_failure(tmp_path, "convert", "killed")
    assert failed_since(tmp_path, earlier) == [failed]
    note_failure(tmp_path, "import", "old")
    assert failed_since(tmp_path, earlier) == [failed, failed]
