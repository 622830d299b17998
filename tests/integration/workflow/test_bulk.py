"""A bulk file in a whole run."""

from __future__ import annotations

from tests.integration.workflow.images import write_image
from tests.integration.workflow.test_options import rows_of
from tests.integration.workflow.workspace import Workspace


def test_a_bulk_file_is_planned_and_imported(workspace: Workspace) -> None:
    folder = workspace.folder
    write_image(folder / "study/a b.ome.tiff", 1)
    write_image(folder / "study/c.ome.tiff", 2)
    (folder / "common.yml").write_text(
        "transfer: ln\nskip: [thumbnails]\nreaders: readers.txt\nparallel_fileset: '2'\n"
        "columns: [target, path, name]\n"
    )
    bulk = folder / "study/bulk.yml"
    bulk.write_text("include: ../common.yml\npath: filePaths.tsv\ndry_run: true\n")
    (folder / "study/filePaths.tsv").write_text(
        "Project:name:P/Dataset:name:D\ta b.ome.tiff\tFirst\n"
        "Project:name:P/Dataset:name:D\tc.ome.tiff\tSecond\n"
    )
    workspace.configure(manifest="study/bulk.yml")

    planned = workspace.run("-n")
    assert planned.status == 0
    assert "readers has no effect here" in planned.terminal
    refused = workspace.run()
    assert refused.status == 1
    assert "says dry_run, so nothing is imported" in refused.terminal

    bulk.write_text("include: ../common.yml\npath: filePaths.tsv\n")
    run = workspace.run()
    assert run.status == 0, run.terminal
    with workspace.omero() as client:
        found = rows_of(
            client,
            "select i.name, d.name from Image i join i.datasetLinks l join l.parent d",
        )
    assert sorted(found) == [["First", "D"], ["Second", "D"]]
    assert (folder / "study/c.ome.tiff").stat().st_nlink == 2
