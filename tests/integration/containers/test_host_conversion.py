"""Conversions by a tool of the node, and what holds for converters wherever they run."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ingest.conversion import place
from ingest.fileset import Fileset, Record, StageError
from ingest.stages.convert import STAGE
from tests.fixtures.waiting import PATIENCE, wait_until
from tests.integration.containers.rig import (
    a_long_time,
    context_of,
    descendants,
    files_in,
    is_running,
)

PLAN = Record("a", "plan", "notneeded")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 64), "uint16")
    (tmp_path / "raw").mkdir()
    tifffile.imwrite(tmp_path / "raw/cell.ome.tif", pixels, ome=True)
    return tmp_path / "raw/cell.ome.tif"


def on_host(command: str, **options: Any) -> dict[str, Any]:
    return {"c": {"runtime": "host", "command": command, "time_limit_minutes": 10, **options}}


def script(folder: Path, text: str) -> str:
    """A command that runs `text` in a shell, with input and output folder as arguments."""
    (folder / "script.sh").write_text(text)
    return f"sh {folder}/script.sh {{input}} {{output}}"


COPY = on_host("cp {input} {output}/{stem}.tif")


def row(source: Path, **fields: Any) -> Fileset:
    return replace(Fileset("a", 2, str(source), convert="c"), **fields)


def test_two_rows_with_files_of_one_name_never_meet(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / source.name
    other.parent.mkdir()
    tifffile.imwrite(other, np.zeros((8, 8), "uint8"), ome=True)
    context = context_of(tmp_path, COPY, scratch=str(tmp_path / "scratch"))
    for fileset, path in (("a", source), ("b", other)):
        record = STAGE.run(Fileset(fileset, 2, str(path), convert="c"), PLAN, context)
        assert Path(record.files[0].path).read_bytes() == path.read_bytes()
    assert not (tmp_path / "scratch").exists() or files_in(tmp_path / "scratch") == []


def test_a_finished_conversion_is_not_repeated(source: Path, tmp_path: Path) -> None:
    tool = script(tmp_path, f'echo x >> "{tmp_path}/runs"; cp "$1" "$2/a.tif"')
    context = context_of(tmp_path, on_host(tool))
    first = STAGE.run(row(source), PLAN, context)
    assert STAGE.still_holds(row(source), first, context)
    again = STAGE.run(row(source), PLAN, context)  # as after a kill before the journal's entry
    assert replace(again, facts={}) == replace(first, facts={})
    assert (tmp_path / "runs").read_text() == "x\n"


def test_changed_originals_outputs_and_commands_do_not_hold(source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, COPY)
    record = STAGE.run(row(source), PLAN, context)
    stored = Path(record.files[0].path)
    other = context_of(tmp_path, on_host("cp -p {input} {output}/{stem}.tif"))
    assert not STAGE.still_holds(row(source), record, other)
    slower = context_of(tmp_path, on_host(COPY["c"]["command"] + " \n", time_limit_minutes=2))
    assert STAGE.still_holds(row(source), record, slower)
    source.touch()
    assert not STAGE.still_holds(row(source), record, context)
    os.utime(source, ns=(record.facts["conversion"]["sources"][0]["mtime_ns"],) * 2)
    assert STAGE.still_holds(row(source), record, context)
    stored.chmod(0o644)
    stored.write_bytes(b"other")
    assert not STAGE.still_holds(row(source), record, context)
    record = STAGE.run(row(source), PLAN, context)
    assert stored.read_bytes() == source.read_bytes()


def test_what_is_imported_is_not_converted_anew(source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, COPY)
    STAGE.run(row(source), PLAN, context)
    context.journal.append("a", "import", "intent", import_id="begun")
    other = context_of(tmp_path, on_host("cp -p {input} {output}/{stem}.tif"))
    with pytest.raises(StageError, match="imported already") as caught:
        STAGE.run(row(source), PLAN, other)
    assert "another fileset id" in caught.value.remedy
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.tif"]


def test_what_is_not_ours_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    (tmp_path / "store/a").mkdir(parents=True)
    (tmp_path / "store/a/precious").write_text("x")
    with pytest.raises(StageError, match="not a conversion of ours"):
        STAGE.run(row(source), PLAN, context_of(tmp_path, COPY))
    assert files_in(tmp_path / "store") == ["a/precious"]


@pytest.mark.parametrize("keep", ["archive", "reference", "none"])
def test_originals_are_kept_as_asked(keep: str, source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    context = context_of(tmp_path, COPY, keep_original=keep)
    facts = STAGE.run(row(source), PLAN, context).facts["conversion"]
    original = tmp_path / "store/a/original/cell.ome.tif"
    assert original.exists() == (keep == "archive")
    if keep == "archive":
        assert original.read_bytes() == before
    assert source.read_bytes() == before
    assert facts["originals"][0]["size"] == len(before)
    assert len(facts["originals"][0]["digests"]["BLAKE3"]) == 64


def test_a_checksum_of_the_manifest_is_the_originals(source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, COPY)
    with pytest.raises(StageError, match="checksum mismatch"):
        STAGE.run(row(source, checksum="MD5-128:" + "0" * 32), PLAN, context)
    assert not (tmp_path / "store/a").exists()


def test_a_folder_that_may_not_be_looked_through_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("/output/closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    tool = on_host("sh -c 'cp $0 $1/a.tif; mkdir $1/closed' {input} {output}")
    with pytest.raises(StageError, match="output/closed, which cannot be read: Permission denied"):
        STAGE.run(row(source), PLAN, context_of(tmp_path, tool))


def test_a_link_in_the_place_of_the_output_folder_is_refused(source: Path, tmp_path: Path) -> None:
    tool = on_host("sh -c 'rmdir $1; ln -s $(dirname $0) $1' {input} {output}")
    mode = source.stat().st_mode
    with pytest.raises(StageError, match="put a link in the place of its output folder"):
        STAGE.run(row(source), PLAN, context_of(tmp_path, tool))
    assert (source.stat().st_mode, source.stat().st_nlink) == (mode, 1)


def test_an_output_that_is_a_link_to_the_source_is_copied(source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, on_host("ln {input} {output}/a.tif"))
    mode = source.stat().st_mode
    record = STAGE.run(row(source), PLAN, context)
    assert not os.path.samestat(Path(record.files[0].path).stat(), source.stat())
    assert (source.stat().st_mode, source.stat().st_nlink) == (mode, 1)


def test_whatever_mode_an_output_has_those_who_may_enter_its_folder_may_read_it(
    source: Path, tmp_path: Path
) -> None:
    tool = script(tmp_path, 'cp "$1" "$2/a.tif"; chmod 700 "$2/a.tif"')
    (file,) = STAGE.run(row(source), PLAN, context_of(tmp_path, on_host(tool))).files
    assert Path(file.path).stat().st_mode & 0o777 == Path(file.path).parent.stat().st_mode & 0o444


def test_a_host_tool_is_ended_with_its_group(source: Path, tmp_path: Path) -> None:
    sleep = f"sleep {a_long_time()}"
    tool = on_host(f"sh -c '{sleep} & {sleep}; : {{input}} {{output}}'", time_limit_minutes=0.01)
    with pytest.raises(StageError, match=r"ended after 0\.01 minutes"):
        STAGE.run(row(source), PLAN, context_of(tmp_path, tool))
    wait_until(lambda: not is_running(sleep), "the tool's end")


def test_no_converter_begins_before_it_is_watched(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    dying = (
        "import os; from pathlib import Path; from ingest.conversion import process; "
        "process._watchdog = lambda *_: os.kill(os.getpid(), 9); "
        f"process.run(['touch', {str(ran)!r}], os.environ, Path('.'), Path('out'), Path('err'), 9)"
    )
    done = subprocess.run([sys.executable, "-c", dying], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    for _ in range(10):
        assert not ran.exists()
        time.sleep(0.1)


def test_a_program_that_is_not_there_is_named(source: Path, tmp_path: Path) -> None:
    for name in ("no-such-program", str(source)):
        tool = on_host(f"{name} {{input}} {{output}}")
        with pytest.raises(StageError, match=f"cannot be started: {name}: there is no such"):
            STAGE.run(row(source), PLAN, context_of(tmp_path, tool))


def test_last_words_are_safe_for_a_terminal(source: Path, tmp_path: Path) -> None:
    command = script(tmp_path, """printf 'a\\033[2J\\0\\0b\\rµ'; exit 1""")
    with pytest.raises(StageError) as caught:
        STAGE.run(row(source), PLAN, context_of(tmp_path, on_host(command)))
    assert caught.value.cause.endswith("its last output: a\ufffd[2J\ufffdb\nµ")


def test_what_a_host_tool_leaves_running_is_ended(source: Path, tmp_path: Path) -> None:
    sleep, started = f"sleep {a_long_time()}", tmp_path / "started"
    left = f"setsid sh -c 'touch {started}; exec {sleep}' &"
    waits = f"until [ -e {started} ]; do sleep 0.05; done"
    tool = script(tmp_path, f'cp "$1" "$2/a.tif"; {left} {waits}')
    STAGE.run(row(source), PLAN, context_of(tmp_path, on_host(tool)))
    wait_until(lambda: not is_running(sleep), "the end of what was left")


def test_a_full_disk_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(os, "copy_file_range", full)
    monkeypatch.setattr("ingest.copying.os.write", full)
    with pytest.raises(StageError) as caught:
        STAGE.run(row(source), PLAN, context_of(tmp_path, COPY))
    assert "Free space" in caught.value.remedy
    monkeypatch.undo()
    assert files_in(tmp_path / "store") == []
    assert STAGE.run(row(source), PLAN, context_of(tmp_path, COPY)).status == "ok"


def test_a_converter_that_fails_for_a_full_scratch_is_not_blamed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words do not fit on the disk either."""
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "scratch" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    tool = on_host("sh -c 'exit 1' {input} {output}")
    context = context_of(tmp_path, tool, scratch=str(tmp_path / "scratch"))
    with pytest.raises(
        StageError, match=r"scratch/.* could not be written: No space left"
    ) as caught:
        STAGE.run(row(source), PLAN, context)
    assert "Free space" in caught.value.remedy


def test_key_values_from_a_json_file(source: Path, tmp_path: Path) -> None:
    texts = """echo '{"a": 1}' > "$2/all.json"; echo '[{"b": true}]' > "$2/y.json"\n"""
    command = script(tmp_path, f'{texts} cp "$1" "$2/x.tif"; cp "$1" "$2/y.tif"')
    tool = on_host(command, output="*.tif", key_values="*.json")
    parts = STAGE.run(row(source), PLAN, context_of(tmp_path, tool)).facts["conversion"]["parts"]
    assert [(part["files"], part["key_values"]) for part in parts] == [
        (["x.tif"], [["a", "1"]]),
        (["y.tif"], [["a", "1"], ["b", "true"]]),
    ]


def test_key_values_of_outputs_of_one_name_go_by_their_folders(
    source: Path, tmp_path: Path
) -> None:
    texts = """for n in 1 2; do mkdir "$2/$n"; cp "$1" "$2/$n/x.tif"; echo "{\\"n\\": $n}" """
    command = script(tmp_path, f'{texts} > "$2/$n/x.json"; done')
    tool = on_host(command, key_values="**/*.json")
    parts = STAGE.run(row(source), PLAN, context_of(tmp_path, tool)).facts["conversion"]["parts"]
    assert [part["key_values"] for part in parts] == [[["n", "1"]], [["n", "2"]]]


def test_inputs_are_files_and_not_their_folder(source: Path, tmp_path: Path) -> None:
    (source.parent / "b").write_text("x")
    tool = on_host("sh -c 'echo $#; cp $0/*.tif $1' {input} {output} {inputs}")
    folder = row(source, path=str(source.parent))
    facts = STAGE.run(folder, PLAN, context_of(tmp_path, tool)).facts["conversion"]
    assert facts["last_words"] == "3"  # the output folder, and two files


def test_scratch_on_another_file_system_is_copied_and_verified(
    source: Path, tmp_path: Path
) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir="/dev/shm"))
    assert Path("/dev/shm").stat().st_dev != tmp_path.stat().st_dev
    context = context_of(tmp_path, COPY, scratch=str(scratch))
    record = STAGE.run(row(source), PLAN, context)
    assert Path(record.files[0].path).read_bytes() == source.read_bytes()
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.tif"]
    assert files_in(scratch) == []
    scratch.rmdir()


def test_scratch_that_only_looks_like_the_stores_file_system_is_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with two bind mounts of one disk: the same device, and no rename between them."""

    def within_one_mount(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(old: Path, new: Path) -> Any:
            if (tmp_path / "scratch" in Path(old).parents) != (tmp_path / "scratch" in new.parents):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            return change(old, new)

        return changed

    monkeypatch.setattr(os, "link", within_one_mount(os.link))
    monkeypatch.setattr(Path, "rename", within_one_mount(Path.rename))
    context = context_of(tmp_path, COPY, scratch=str(tmp_path / "scratch"))
    record = STAGE.run(row(source), PLAN, context)
    assert Path(record.files[0].path).read_bytes() == source.read_bytes()
    assert files_in(tmp_path / "scratch") == []


def test_what_an_attempt_left_that_was_killed_when_all_was_in_its_place_is_removed(
    source: Path, tmp_path: Path
) -> None:
    context = context_of(tmp_path, COPY)
    first = STAGE.run(row(source), PLAN, context)
    left = place.attempt(place.scratch(context.config), context.results, "a")
    os.link(first.files[0].path, left / "output")
    assert STAGE.run(row(source), PLAN, context).files == first.files
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.tif"]


def test_a_job_whose_processes_are_all_told_to_end_ends_its_converter(
    source: Path, tmp_path: Path
) -> None:
    """As a cluster does it, and the converter will not hear of it."""
    sleep = f"sleep {a_long_time()}"
    tool = script(tmp_path, f"trap '' TERM; {sleep}")
    options = json.dumps(on_host(tool))
    program = [sys.executable, "-m", "tests.integration.containers.dying_conversion"]
    process = subprocess.Popen([*program, str(tmp_path), options, str(source), "c"])
    family = [process.pid]
    try:
        wait_until(lambda: is_running(sleep), "the converter's start")
        family = descendants(process.pid)
        for pid in family:
            os.kill(pid, signal.SIGTERM)
        process.wait(PATIENCE)
        wait_until(lambda: not is_running(sleep), "the converter's end")
    finally:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def test_leftovers_of_a_killed_attempt_are_removed(source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, COPY)
    left = place.attempt(place.scratch(context.config), context.results, "a")
    (left / "output").mkdir()
    (left / "output/half.tif").write_bytes(b"half")
    (left / "output").chmod(0o500)
    STAGE.run(row(source), PLAN, context)
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.tif"]
