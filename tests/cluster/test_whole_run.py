"""Whole runs over a real Slurm cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.conftest import MakeWorkspace
from tests.cluster.rig import IMPATIENT
from tests.fixtures.slurm import Cluster

COPY = {"runtime": "host", "command": "cp {input} {output}/{stem}.ome.tif"}


@pytest.mark.parametrize("kind", ["plain", "accounted"])
def test_rows_with_and_without_conversion_reach_omero_and_no_secret_is_left(
    kind: str, request: pytest.FixtureRequest, workspace_on: MakeWorkspace
) -> None:
    cluster: Cluster = request.getfixturevalue(kind)
    work = workspace_on(cluster, "work")
    work.configure(converters={"copy": COPY}, transfer={"store": "store"})
    sources = work.write_rows({"as-it-is": "", "converted": "copy"})
    secret = work.login["OMERO_PASSWORD"]

    process = work.start(*IMPATIENT, "--slurm-keep-successful-logs")
    while process.poll() is None:
        assert secret not in " ".join(command_lines())
        time.sleep(0.2)
    work.finish(process)

    assert len(set(work.imported().values())) == 2
    for name, source in sources.items():
        (entry,) = work.record("import", name)["facts"]["repository_files"].values()
        stored = work.folder / f"store/{name}/converted/{name}.ome.tif"
        assert Path(entry).resolve() == (stored if name == "converted" else source)
        assert Path(entry).read_bytes() == source.read_bytes()
    ran = {comment for *_, comment in cluster.jobs().values()}
    for rule in ("convert", "checksum", "transfer", "import_filesets", "annotate"):
        assert f"rule_{rule}_wildcards_converted" in ran
    logs = [*files_in(work.folder), *files_in(cluster.folder / "log")]
    assert any("slurm_logs" in str(path) for path in logs)
    assert not [path for path in logs if secret.encode() in path.read_bytes()]

    again = work.start(*IMPATIENT)
    assert "Nothing to be done" in work.finish(again)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def files_in(folder: Path) -> list[Path]:
    return [Path(above) / name for above, _, names in os.walk(folder) for name in names]
