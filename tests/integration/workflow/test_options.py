"""The options of an import in a whole run, from the manifest's cells to OMERO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omero.sys import ParametersI

from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import Workspace


def rows_of(client: Any, hql: str) -> list[list[Any]]:
    found = client.sf.getQueryService().projection(hql, ParametersI())
    return [[value.val if value is not None else None for value in row] for row in found]


def table_rows(folder: Path) -> list[dict[str, str]]:
    write_image(folder / "a.ome.tiff", 1)
    write_image(folder / "b.ome.tiff", 2)
    return [
        {
            "fileset": "a",
            "path": "a.ome.tiff",
            "checksum_algorithm": "auto",
            "thumbnails": "no",
            "pixel_size": "0.5x0.5x2",
            "comment.lab/quality": "good",
        },
        {"fileset": "b", "path": "b.ome.tiff", "checksum_algorithm": "sha1-160"},
    ]


def test_options_of_rows_and_a_second_workflow_that_imports_nothing_again(
    workspace: Workspace,
) -> None:
    rows = table_rows(workspace.folder)
    workspace.write_manifest(rows)
    first = workspace.run()
    assert first.status == 0, first.terminal
    table = workspace.table()
    assert (table["a"]["algorithm"], table["b"]["algorithm"]) == ("Murmur3-128", "SHA1-160")
    with workspace.omero() as client:
        comments = rows_of(
            client,
            "select l.parent.id, a.textValue from ImageAnnotationLink l join l.child a "
            "where a.ns = 'lab/quality'",
        )
        assert comments == [[int(table["a"]["image_ids"]), "good"]]

    # Somebody else's folder of results: nothing is known there but what OMERO tells.
    workspace.configure(results="others", **{"import": {"exclude": ["clientpath", "filename"]}})
    second = workspace.run()
    assert second.status == 0, second.terminal
    ending = second.terminal[second.terminal.rindex("0 of 2") :]
    assert "2 were there already and not imported again." in ending
    told = (workspace.folder / "others" / "imported.csv").read_text().splitlines()[1:]
    for line, name in zip(told, ("a", "b"), strict=True):
        assert line.startswith(f"{name},notneeded,already in OMERO as Fileset:")
        assert table[name]["fileset_id"] in line
    assert len(workspace.filesets_in_omero()) == 2
    assert "nothing to be done" in workspace.run().terminal.lower()


def test_wrong_options_of_rows_are_refused_all_at_once(workspace: Workspace) -> None:
    rows = table_rows(workspace.folder)
    rows[0] |= {"thumbnails": "maybe", "pixel_size": "big"}
    rows[1] |= {"annotations": "x", "exclude": "all", "checksum_algorithm": "md5"}
    workspace.write_manifest(rows)
    run = workspace.run()
    assert run.status != 0
    assert "has 5 problems; nothing was touched" in run.terminal
    for column in ("thumbnails", "pixel_size", "annotations", "exclude", "checksum_algorithm"):
        assert f"column {column}, fileset" in run.terminal
    assert "Traceback" not in run.terminal
    assert not (workspace.results / "import").exists()


def test_results_that_cannot_be_written_are_named(workspace: Workspace) -> None:
    (workspace.folder / "taken").write_text("a file")
    workspace.configure(results="taken")
    workspace.write_manifest(table_rows(workspace.folder))
    run = workspace.run("-n")
    assert run.status != 0
    assert "The plan cannot be written to the folder taken: " in run.terminal
    assert "Set the option results" in run.terminal
    assert "Traceback" not in run.terminal
