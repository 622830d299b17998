"""Files that change, vanish or are closed before each stage: that row fails, and no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest import source_files
from ingest.fileset import Record
from tests.corpus.file_cases import image
from tests.corpus.pipeline import ORDER, Pipeline
from tests.integration.ingest_omero.rig import Server


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def vanish(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def become_another(path: Path) -> None:
    path.unlink()
    image(path)


def lead_elsewhere(path: Path) -> None:
    path.rename(path.with_name("moved.tif"))
    path.symlink_to("/etc/hostname")


def close(path: Path) -> None:
    path.chmod(0)


CHANGES: tuple[Callable[[Path], None], ...] = (
    grow, rewrite, empty, vanish, become_a_folder, become_a_pipe, become_a_loop, become_another,
    lead_elsewhere, close,
)  # fmt: skip
# What the stages look at their sources for. What is in the store by then is the store's affair.
STAGES = ("convert", "checksum", "transfer", "import")
TRANSFERS = {"convert": "none", "checksum": "cp", "transfer": "mv", "import": "none"}


def name(change: Callable[[Path], None], stage: str) -> str:
    return f"{change.__name__}-{stage}"


@pytest.fixture(scope="module")
def failures(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record | None]:
    """The first failure of each row; each is disturbed before one stage."""
    folder = tmp_path_factory.mktemp("disturbed")
    rows, paths = [], {}
    for stage in STAGES:
        for change in CHANGES:
            fileset = name(change, stage)
            paths[change, stage] = image(folder / fileset / "a.tif")
            rows.append(
                {"fileset": fileset, "path": f"{fileset}/a.tif", "files": "a.tif",
                 "transfer": TRANSFERS[stage]}
            )  # fmt: skip
    image(folder / "untouched" / "a.tif")
    rows.append({"fileset": "untouched", "path": "untouched/a.tif", "files": "a.tif"})
    pipeline = Pipeline(folder, server, rows)

    def disturb(stage: str) -> Callable[[], None]:
        return lambda: (
            [change(path) for (change, of), path in paths.items() if of == stage] and None
        )

    access = os.access
    with pytest.MonkeyPatch.context() as patch:
        # The tests may run as root, who may read what is closed.
        patch.setattr(
            source_files.os,
            "access",
            lambda path, mode: Path(path).stat().st_mode & 0o400 and access(path, mode),
        )
        pipeline.run_all({stage: disturb(stage) for stage in STAGES})
    found = {row["fileset"]: pipeline.first_failure(row["fileset"]) for row in rows}
    pipeline.close()
    return found


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_disturbed_file_fails_its_row(
    failures: dict[str, Record | None], change: Callable[[Path], None], stage: str
) -> None:
    fileset = name(change, stage)
    record = failures[fileset]
    if stage == "convert" and change in (grow, rewrite, become_another):
        assert record is None  # nobody had seen it before, and it is an image
        return
    if change is close and stage == "import":
        assert record is None or "may not be read" in record.cause
        return
    assert record is not None and record.status == "error"
    assert ORDER.index(record.stage) >= ORDER.index(stage) or stage == "convert"
    assert f"/{fileset}" in record.cause
    assert "unexpected" not in record.cause
    assert record.remedy


def test_nobody_else_is_disturbed(failures: dict[str, Record | None]) -> None:
    assert failures["untouched"] is None
