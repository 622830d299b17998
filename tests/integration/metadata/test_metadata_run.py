"""Tables of metadata in a whole run: on images, wells and plates, once, and brought up to date."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.fixtures.ome_tiff import write_plate
from tests.integration.workflow.images import write_image
from tests.integration.workflow.test_options import rows_of
from tests.integration.workflow.workspace import Workspace

PAIRS = (
    "select o.name, m.name, m.value from {0}AnnotationLink l join l.parent o "
    "join l.child a join a.mapValue m where a.ns = 'omero-ingest/metadata'"
)
PAIRS_OF_WELLS = (
    "select w.row, w.column, m.name, m.value from WellAnnotationLink l join l.parent w "
    "join l.child a join a.mapValue m where a.ns = 'omero-ingest/metadata'"
)
TAGS = "select o.name, a.textValue from ImageAnnotationLink l join l.parent o join l.child a"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def tables_in_omero(workspace: Workspace) -> set[tuple[str, str, tuple[str, ...], int]]:
    """File, container, columns and number of rows of each OMERO.table."""
    found = set()
    with workspace.omero() as client:
        for kind in ("Dataset", "Screen"):
            for holder, number in rows_of(
                client,
                f"select o.name, f.id from {kind}AnnotationLink l join l.parent o join l.child a, "
                "OriginalFile f where f.id = a.file.id",
            ):
                file = client.sf.getQueryService().get("OriginalFile", number)
                table = client.sf.sharedResources().openTable(file)
                columns = tuple(head.name for head in table.getHeaders())
                found.add((file.name.val, holder, columns, table.getNumberOfRows()))
                table.close()
    return found


def test_tables_of_a_run(workspace: Workspace) -> None:
    folder = workspace.folder
    write_image(folder / "one/a.ome.tiff", 1)
    write_image(folder / "two/a.ome.tiff", 2)
    write_plate(folder / "plate", "P1")
    (folder / "one/metadata.csv").write_bytes("Mikroskop;Größe 7\n".encode("cp1252"))
    (folder / "images.csv").write_text(
        "Dataset Name,Image Name,Characteristics [Organism],Comment [Gene],Kind\n"
        "One,a.ome.tiff,H. sapiens,,wild;type\nTwo,b.ome.tiff,M. musculus,x,\n"
    )
    (folder / "wells.tsv").write_text(
        "Plate\tWell\tDose\nP1\tA01\t1 uM\nP1\tA2\t2 uM\nP1\tB7\t3 uM\n"
    )
    workspace.write_manifest(
        [
            {"fileset": "one", "path": "one/a.ome.tiff", "target": "Dataset:name:One"},
            {"fileset": "two", "path": "two/a.ome.tiff", "target": "Dataset:name:Two"},
            {"fileset": "plate", "path": "plate", "target": "Screen:name:S", "name": "P1"},
        ]
    )
    tables = {"tables": ["images.csv", "wells.tsv"], "beside": "metadata.csv", "tags": ["kind"]}
    workspace.configure(metadata={**tables, "rembi": "report", "table": True})
    run = workspace.run()
    assert run.status == 0, run.terminal
    told = run.terminal[run.terminal.index("metadata: 1 of 2 rows of images.csv") :]
    assert "line 3: there is no image of this manifest with dataset Two, image b.ome.tiff" in told
    assert "metadata: 2 of 3 rows of wells.tsv" in told
    assert "2 of 3 filesets lack what REMBI recommends as Biosample: organism." in told
    with (workspace.results / "metadata.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [bool(row["object"]) for row in table] == [True, False, True, True, False]

    def check(gene: str) -> None:
        with workspace.omero() as client:
            images = rows_of(client, PAIRS.format("Image"))
            wells = rows_of(client, PAIRS_OF_WELLS)
            tags = rows_of(client, TAGS + " where type(a) = TagAnnotation")
        of_image = [
            ["a.ome.tiff", "Mikroskop", "Größe 7"],
            ["a.ome.tiff", "Organism", "H. sapiens"],
        ]
        of_image += [["a.ome.tiff", "Gene", gene]] if gene else []
        assert sorted(row for row in images if row[1] != "Dose") == sorted(of_image)
        assert sorted(row[2] for row in images if row[1] == "Dose") == ["1 uM"] * 2 + ["2 uM"] * 2
        assert sorted(wells) == [[0, 0, "Dose", "1 uM"], [0, 1, "Dose", "2 uM"]]
        assert sorted(tags) == [["a.ome.tiff", "type"], ["a.ome.tiff", "wild"]]

    check(gene="")
    assert tables_in_omero(workspace) == {
        ("images.csv", "One", ("Image", "Dataset Name", "Image Name", "Characteristics [Organism]",
                               "Comment [Gene]", "Kind"), 1),
        ("wells.tsv", "S", ("Well", "Plate Name", "Well Name", "Dose"), 2),
    }  # fmt: skip
    text = (folder / "images.csv").read_text()
    (folder / "images.csv").write_text(text.replace("H. sapiens,,", "H. sapiens,GFP,"))
    again = workspace.run()
    assert again.status == 0, again.terminal
    assert "rule import" not in again.terminal
    check(gene="GFP")
    assert len(tables_in_omero(workspace)) == 2

    # What a table no longer says goes; one beside the data that cannot be read is told; one of
    # `tables` stops the run before it begins.
    (folder / "wells.tsv").write_text("Plate\tWell\tDose\nP1\tA01\t1 uM\n")
    (folder / "one/metadata.csv").write_text("a,b,c\n")
    fewer = workspace.run()
    assert fewer.status == 0, fewer.terminal
    assert "one/metadata.csv is not a key and a value" in fewer.terminal
    with workspace.omero() as client:
        wells = rows_of(client, PAIRS_OF_WELLS)
        images = rows_of(client, PAIRS.format("Image"))
    assert wells == [[0, 0, "Dose", "1 uM"]]
    assert [row[2] for row in images if row[1] == "Dose"] == ["1 uM"] * 2
    images_csv = (folder / "images.csv").read_text()
    (folder / "images.csv").unlink()
    refused = workspace.run()
    assert refused.status != 0
    assert "images.csv cannot be read: No such file or directory" in refused.terminal

    # A job that fails is missed by the next run too, although an earlier one was complete.
    (folder / "images.csv").write_text(images_csv + "One,a.ome.tiff\n")
    tags = (workspace.results / "metadata-tags.txt").read_bytes()
    (workspace.results / "metadata-tags.txt").write_text("no number")
    for _ in range(2):
        assert workspace.run("--retries", "0").status != 0
    (workspace.results / "metadata-tags.txt").write_bytes(tags)

    # A table that leaves the configuration takes along what it put; the last one, too. (Tags stay.)
    workspace.configure(metadata={"tables": ["images.csv"], "table": True})
    assert workspace.run().status == 0
    assert {name for name, *_ in tables_in_omero(workspace)} == {"images.csv"}
    workspace.configure()
    none = workspace.run()
    assert none.status == 0, none.terminal
    assert tables_in_omero(workspace) == set()
    with workspace.omero() as client:
        assert rows_of(client, PAIRS_OF_WELLS) == rows_of(client, PAIRS.format("Image")) == []

    # What these jobs put on the images is no work of people.
    asked = workspace.run("rollback")
    assert "people have worked" not in asked.terminal
    assert "3 filesets to be taken out of OMERO" in asked.terminal


def test_two_results_folders_have_tables_of_one_name_on_one_dataset(workspace: Workspace) -> None:
    for number, name in enumerate(("a", "b")):
        write_image(workspace.folder / f"{name}.ome.tiff", number)
    (workspace.folder / "images.csv").write_text(
        "Image Name,Kind\na.ome.tiff,one\nb.ome.tiff,two\n"
    )
    columns = ("Image", "Image Name", "Kind")
    for name in ("a", "b"):
        workspace.write_manifest(
            [{"fileset": name, "path": f"{name}.ome.tiff", "target": "Dataset:name:D"}]
        )
        tables = {"tables": ["images.csv"], "table": True}
        workspace.configure(metadata=tables, results=f"results-{name}")
        run = workspace.run()
        assert run.status == 0, run.terminal
    with workspace.omero() as client:
        described = rows_of(
            client,
            "select count(l.id) from DatasetAnnotationLink l join l.child a "
            "where a.ns = 'openmicroscopy.org/omero/bulk_annotations'",
        )
    assert described == [[2]]
    assert tables_in_omero(workspace) == {("images.csv", "D", columns, 1)}
