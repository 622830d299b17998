"""What the journal said it has, it has; what a killed process left of a line is no event."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.journal import Journal

text = st.text(st.characters(codec=None), max_size=20)
facts = st.dictionaries(
    text.filter(lambda name: name not in ("fileset_id", "stage", "event", "time", "self")),
    st.none() | st.integers() | text | st.lists(text, max_size=3),
    max_size=3,
)


def said(journal: Journal, fileset: str) -> list[dict[str, object]]:
    return [
        {name: value for name, value in event.items() if name != "time"}
        for event in journal.events(fileset)
    ]


@given(
    written=st.lists(st.tuples(st.sampled_from(["intent", "done", "failed"]), facts), max_size=5)
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, written: list[tuple]) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    for event, more in written:
        journal.append("a", "import", event, **more)
    assert said(journal, "a") == [
        {"stage": "import", "event": event, **more} for event, more in written
    ]


def test_filesets_are_apart_and_an_unknown_one_has_no_events(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not" / "there")
    assert journal.events("a") == []
    journal.append("a", "import", "intent", import_id="1")
    journal.append("a.1", "import", "intent", import_id="2")
    assert [event["import_id"] for event in journal.events("a")] == ["1"]
    assert journal.path("a").parent.parent == tmp_path / "not" / "there"


@given(cut=st.integers(1, 200), appended=st.booleans())
def test_a_torn_line_is_no_event_and_harms_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, appended: bool
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    journal.append("a", "transfer", "intent", number=1)
    whole = journal.path("a").stat().st_size
    journal.append("a", "transfer", "done", number=2, padding="x" * 200)
    length = journal.path("a").stat().st_size
    # All but the line's end itself is needed for it to be an event.
    os.truncate(journal.path("a"), max(whole, length - 1 - cut))
    if appended:
        journal.append("a", "transfer", "failed", number=3)
    expected = [1, 3] if appended else [1]
    assert [event["number"] for event in journal.events("a")] == expected


def test_writers_at_the_same_time_keep_each_others_lines(
    tmp_path: Path, python_env: dict[str, str]
) -> None:
    script = (
        "import sys; from pathlib import Path; from ingest.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(50): journal.append('a', sys.argv[2], 'intent', n=n, padding='x' * 5000)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, f"stage{number}"], env=python_env)
        for number in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    events = Journal(tmp_path).events("a")
    for number in range(3):
        own = [event["n"] for event in events if event["stage"] == f"stage{number}"]
        assert own == list(range(50))


def test_append_returns_only_when_file_and_folder_are_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    journal = Journal(tmp_path / "journal")
    path = journal.path("a")
    journal.append("a", "import", "intent")
    assert synced == [str(path), str(path.parent), str(path.parent.parent)]
    synced.clear()
    journal.append("a", "import", "done")
    assert synced == [str(path)]


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append("a", "import", "intent", number=1)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="disk full"):
        journal.append("a", "import", "done", number=2)
    monkeypatch.undo()
    journal.append("a", "import", "done", number=3)
    assert [event["number"] for event in journal.events("a")] == [1, 3]


def test_removed_collects_what_stages_announced(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append("a", "transfer", "intent", removes=["/data/1", "/data/2"])
    journal.append("a", "import", "intent", import_id="x")
    journal.append("a", "import", "intent", removes=["/store/1"])
    assert journal.removed("a") == {"/data/1", "/data/2", "/store/1"}
    assert journal.removed("b") == frozenset()
