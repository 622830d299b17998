"""Rows whose user, group or target cannot be had: refused before any of their files moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import omero
import omero.clients
import omero.model
import omero.sys
from omero.rtypes import rstring

from omero_embedded.companion import server_for
from tests.fixtures.ome_tiff import write_plate
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import Workspace


@contextmanager
def session_of(workspace: Workspace, user: str, group: str) -> Iterator[Any]:
    with workspace.omero() as client:
        principal = omero.sys.Principal(user, group, "User", None)
        opened = client.sf.getSessionService().createSessionWithTimeouts(principal, 0, 60000)
        other = omero.client(pmap=client.getPropertyMap())
        try:
            yield other.joinSession(opened.uuid.val)
        finally:
            other.closeSession()


def make_dataset(workspace: Workspace, user: str, group: str, name: str) -> int:
    with session_of(workspace, user, group) as session:
        dataset = omero.model.DatasetI()
        dataset.setName(rstring(name))
        return int(session.getUpdateService().saveAndReturnObject(dataset).id.val)


def containers(workspace: Workspace) -> set[tuple[str, str]]:
    with workspace.omero() as client:
        query, everywhere = client.sf.getQueryService(), {"omero.group": "-1"}
        return {
            (kind, row[0].val)
            for kind in ("Dataset", "Screen", "Project")
            for row in query.projection(f"select o.name from {kind} o", None, everywhere)
        }


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_cannot_be_had_moves_nothing_and_holds_up_nobody(workspace: Workspace) -> None:
    source = workspace.folder / "source"
    refused = {
        "stranger": {"user": "nobody", "target": "Dataset:name:D"},
        "outsider": {"user": "grace", "group": "screening"},
        "inactive": {"user": "guest"},
        "unlinkable": {"user": "santiago", "group": "screening", "target": "Dataset:id:{ada}"},
        "elsewhere": {"user": "ada", "group": "demo", "target": "Dataset:id:{ada}"},
        "absent": {"target": "Screen:id:999999"},
        "no-plate": {"target": "Screen:name:Plates only"},
        "no-match": {"target": "regex:name:/nowhere/(?<Container1>.*)"},
    }
    good = {
        "ada": {"user": "ada", "group": "screening", "target": "Dataset:name:D"},
        "named": {"target": "regex:@name:.*/(?<Container1>[^/]+)/named"},
        "orphan": {"group": "private-lab"},
    }
    write_image(source / "one.ome.tiff")
    workspace.write_manifest([{"fileset": "one", "path": "source/one.ome.tiff"}])
    first = workspace.run()
    assert first.status == 0, first.terminal
    ada = make_dataset(workspace, "ada", "screening", "Ada's")
    rows: list[dict[str, str]] = []
    for seed, (name, cells) in enumerate({**refused, **good}.items()):
        write_image(source / name / "image.ome.tiff", seed)
        rows.append({"fileset": name, "path": f"source/{name}/image.ome.tiff", "transfer": "mv"})
        rows[-1] |= {column: text.format(ada=ada) for column, text in cells.items()}
    write_plate(source / "plate")
    write_plate(source / "screened")
    rows.append({"fileset": "plate", "path": "source/plate", "target": "Dataset:name:D"})
    rows.append({"fileset": "screened", "path": "source/screened", "target": "Screen:name:S"})
    rows[-2]["transfer"] = rows[-1]["transfer"] = "cp"
    workspace.write_manifest(rows)
    workspace.configure(transfer={"store": "store"}, batch_size=20)
    before = content(source)

    run = workspace.run()

    assert run.status != 0
    assert "Traceback" not in run.terminal
    bad = {*refused, "plate"}
    records = {row["fileset"]: workspace.record("transfer", row["fileset"]) for row in rows}
    assert {name for name, record in records.items() if record["status"] == "error"} == bad
    for name in bad:
        assert records[name]["remedy"]
        assert not (workspace.folder / "store" / name).exists()
        assert {k: v for k, v in before.items() if k.startswith(f"{name}/")} == {
            f"{name}/{k}": v for k, v in content(source / name).items()
        }
    causes = {name: records[name]["cause"] for name in bad}
    assert "no user named nobody" in causes["stranger"]
    assert "not in group screening" in causes["outsider"]
    assert "not active" in causes["inactive"]
    assert "may not add to Dataset" in causes["unlinkable"]
    assert "is in group screening" in causes["elsewhere"]
    assert "no Screen 999999" in causes["absent"]
    assert "is not a plate" in causes["no-plate"]
    assert "is a plate" in causes["plate"]
    assert "does not match the folder" in causes["no-match"]
    table = workspace.table()
    assert {name for name, row in table.items() if row["status"] == "ok"} == {*good, "screened"}
    for name in good:
        assert not (source / name / "image.ome.tiff").exists()
    assert workspace.record("import", "named")["facts"]["target"]["name"] == "source"
    assert ("Dataset", "nowhere") not in containers(workspace)

    for row in rows:
        row["user"] = row.get("user", "").replace("nobody", "")
    workspace.write_manifest(rows)
    repaired = workspace.run()

    assert repaired.status != 0
    after = workspace.table()
    assert after["stranger"]["status"] == "ok"
    for name in (*good, "screened"):
        assert after[name] == table[name]


def test_a_login_without_the_right_imports_its_own_rows_only(workspace: Workspace) -> None:
    rows = []
    for seed, user in enumerate(("grace", "ada", "")):
        path = write_image(workspace.folder / "source" / f"{user or 'own'}.ome.tiff", seed)
        rows.append({"fileset": user or "own", "path": str(path), "user": user, "transfer": "mv"})
    workspace.write_manifest(rows)
    store = workspace.folder / "omero-embedded"
    workspace.configure(transfer={"store": "store"}, omero={"embedded": False})
    with server_for(store, None) as address:
        run = workspace.run(
            environment={
                "OMERO_HOST": address["host"],
                "OMERO_PORT": str(address["port"]),
                "OMERO_USER": "grace",
                "OMERO_PASSWORD": (store / "secret").read_text().strip(),
            }
        )

    assert run.status != 0
    table = workspace.table()
    assert {name: row["status"] for name, row in table.items()} == {
        "grace": "ok",
        "ada": "error",
        "own": "ok",
    }
    assert "grace may not import for ada" in table["ada"]["cause"]
    assert (workspace.folder / "source" / "ada.ome.tiff").exists()
    assert sorted(path.name for path in (workspace.folder / "store").iterdir()) == ["grace", "own"]


def test_a_changed_option_reaches_earlier_rows_although_a_new_row_has_targets_made(
    workspace: Workspace,
) -> None:
    rows = []
    for seed, name in enumerate(("one", "two")):
        write_image(workspace.folder / "source" / f"{name}.ome.tiff", seed)
        rows.append({"fileset": name, "path": f"source/{name}.ome.tiff", "tags": "late"})
    workspace.write_manifest(rows[:1])
    workspace.configure(annotate={"tags": False})
    first = workspace.run()
    assert first.status == 0, first.terminal
    imported = workspace.record("import", "one")

    rows[1]["target"] = "Dataset:name:of two"
    workspace.write_manifest(rows)
    workspace.configure(annotate={"tags": True})
    run = workspace.run()

    assert run.status == 0, run.terminal
    for name in ("one", "two"):
        assert list(workspace.record("annotate", name)["facts"]["tags"]) == ["late"]
    assert workspace.record("import", "one") == imported
    assert len(workspace.filesets_in_omero()) == 2
    again = workspace.run("-n")
    assert "Nothing to be done" in again.terminal, json.dumps(again.terminal)
