"""Records, plans and tables that were torn or edited: named, with what to do, or made anew."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.config import load
from ingest.context import Context
from ingest.failures import failed_since, last_failures, note_failure
from ingest.fileset import Fileset, Record, StageError
from ingest.journal import Journal
from ingest.plan import PlanError, compile_plan
from ingest.prepared import check_prepared
from ingest.records import read_filesets, read_records, write_records
from ingest.runner import run_batch
from ingest.stages import Stage

TORN = {
    "half a line": lambda content: content[:-10],
    "zeros at its end": lambda content: content[:-20] + bytes(20),
    "another's line": lambda content: content + b'{"fileset": 1}\n',
    "a list": lambda content: b"[1, 2]\n",
    "a text": lambda content: b"hello\n",
    "no utf-8": lambda content: b"\xff\xfe" + content,
    "an empty line": lambda content: content + b"\n",
    "half a record": lambda content: b'{"fileset": "a", "stage": "checksum"}\n',
}
Tear = Callable[[bytes], bytes]


@pytest.mark.parametrize("tear", TORN.values(), ids=TORN)
@pytest.mark.parametrize("kind", ["records", "plan"])
def test_a_torn_file_is_named(tmp_path: Path, tear: Tear, kind: str) -> None:
    path = tmp_path / "b.jsonl"
    if kind == "records":
        write_records(path, [Record("a", "checksum", "ok"), Record("b", "checksum", "ok")])
    else:
        path.write_text("".join(json.dumps(Fileset(i, 2, "/a").to_json()) + "\n" for i in "ab"))
    path.write_bytes(tear(path.read_bytes()))
    with pytest.raises(StageError, match=r"b\.jsonl is damaged in line") as refused:
        read_records(path) if kind == "records" else read_filesets(path)
    assert "run the same command again" in refused.value.remedy


def test_records_that_lack_a_fileset_are_named(tmp_path: Path) -> None:
    plan, upstream = tmp_path / "plan.jsonl", tmp_path / "convert.jsonl"
    plan.write_text("".join(json.dumps(Fileset(i, 2, "/a").to_json()) + "\n" for i in "ab"))
    write_records(upstream, [Record("a", "convert", "ok")])
    context = Context(load({}), tmp_path, Journal(tmp_path / "journal"))
    stage = Stage("checksum", lambda *_: Record("a", "checksum", "ok"), lambda *_: True, uses=())
    with pytest.raises(StageError, match=r"convert.jsonl has no record of b"):
        run_batch(stage, plan, upstream, tmp_path / "out.jsonl", context, "b")
    assert not (tmp_path / "out.jsonl").exists()


@given(cut=st.integers(0, 400))
def test_records_cut_anywhere_are_whole_ones_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    written = [Record(name, "import", "ok", facts={"image_ids": [1]}) for name in "abc"]
    write_records(path, written)
    path.write_bytes(path.read_bytes()[: -cut or None])
    try:
        found = list(read_records(path).values())
    except StageError:
        return
    assert found == written[: len(found)]


@given(cut=st.integers(0, 700), number=st.integers(1, 5))
def test_a_journal_cut_anywhere_is_what_was_said_before(
    tmp_path_factory: pytest.TempPathFactory, cut: int, number: int
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    for step in range(number):
        journal.append("a", "import", "intent", step=step, text="ä\n\udcff" * 5)
    path = journal.path("a")
    path.write_bytes(path.read_bytes()[:-cut] if cut else path.read_bytes())
    steps = [event["step"] for event in journal.events("a")]
    assert steps == list(range(len(steps)))
    journal.append("a", "import", "done", step=99)
    assert [event["step"] for event in journal.events("a")] == [*steps, 99]


def test_threads_that_append_at_once_keep_each_others_lines(tmp_path: Path) -> None:
    def write(writer: int) -> None:
        own = Journal(tmp_path)
        for step in range(30):
            own.append("a", "import", "intent", writer=writer, step=step, text="x" * 3000)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = Journal(tmp_path).events("a")
    for writer in range(4):
        assert [e["step"] for e in events if e["writer"] == writer] == list(range(30))


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"{}", b"null", b'"x"', b"{", b"\xff\xfe", b"\0\0\0", b'{"stage": "import"}',
     b'{"event": "done"}', b"[" * 100],
)  # fmt: skip
def test_strange_lines_of_a_journal_are_no_events(tmp_path: Path, line: bytes) -> None:
    journal = Journal(tmp_path)
    journal.append("a", "import", "intent", removes=["/a"])
    with journal.path("a").open("ab") as file:
        file.write(line + b"\n")
    journal.append("a", "import", "done")
    assert [event["event"] for event in journal.events("a")] == ["intent", "done"]
    assert journal.removed("a") == {"/a"}


@pytest.mark.parametrize("content", [b"{", b"[]", b"12", b"\xff", b"", b"null"])
def test_a_table_of_targets_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "targets.json").write_bytes(content)
    context = Context(load({}), tmp_path, Journal(tmp_path / "journal"))
    with pytest.raises(StageError, match=r"targets.json is damaged"):
        check_prepared(Fileset("a", 2, "/a"), Record("a", "checksum", "ok"), context)


@pytest.mark.parametrize("name", ["index.json", "membership.json"])
@pytest.mark.parametrize("content", [b"{", b"[1]", b"12", b"\xff", b'{"a": 1}', b'"x"'])
def test_a_plan_that_is_none(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "a.tif").touch()
    (tmp_path / "m.csv").write_text("fileset,path\na,a.tif\n")
    config = load({"manifest": "m.csv", "results": "results"})
    first = compile_plan(config, tmp_path)
    (tmp_path / "results" / "plan" / name).write_bytes(content)
    try:
        again = compile_plan(config, tmp_path)
    except PlanError as error:
        assert name in str(error)
        assert "Remove the folder" in str(error)
    else:
        assert again.batches == first.batches


def test_what_notes_of_failures_hold_ends_no_run(tmp_path: Path) -> None:
    earlier = last_failures(tmp_path)
    note_failure(tmp_path, "convert", "a")
    (tmp_path / ".failures" / "checksum").mkdir()
    (tmp_path / ".failures" / "checksum" / "a").write_bytes(b"\xff\xfe\0")
    (tmp_path / "convert").mkdir()
    (tmp_path / "convert" / "a.jsonl").write_bytes(b"{")
    [record] = failed_since(tmp_path, earlier)
    assert "is damaged in line 1" in record.cause
