"""Imports taken out of OMERO again: what goes, what stays, and what a run does then."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import omero.model
import pytest
from omero.rtypes import rstring

from ingest.stages import importing
from tests.fixtures.dying import at_every_moment
from tests.integration.ingest_omero.rig import Rig, write_image
from tests.integration.undo.house import Kept, run_all, use, use_and_die

TARGET = "Project:name:Undone/Dataset:name:Undone"


def add(rig: Rig, name: str, **columns: Any) -> Path:
    path = write_image(rig.folder / "data" / name / f"{name}.tif")
    rig.add(name, [path], **{"target": TARGET, **columns})
    return path


def in_omero(rig: Rig, kind: str, number: int) -> bool:
    return bool(rig.omero.rows(f"select o.id from {kind} o where o.id = :id", id=number))


def targets_of(rig: Rig, row: str) -> int:
    lines = (rig.context.results / "import").glob("*.jsonl")
    records = [json.loads(line) for path in lines for line in path.read_text().splitlines()]
    (found,) = [each["facts"]["target"]["id"] for each in records if each["fileset"] == row]
    return int(found)


def test_all_goes_but_the_sources_and_a_run_imports_it_anew(rig: Rig) -> None:
    rig.options["transfer"] = {"store": str(rig.folder / "store")}
    rig.filesets.clear()
    ways = {"linked": "ln_s", "hard": "ln", "copied": "cp", "sent": "upload"}
    target = f"Project:name:P {rig.folder}/Dataset:name:D".replace("/", "|").replace("|D", "/D")
    sources = [
        add(rig, name, import_transfer=how, tags=("undone",), target=target)
        for name, how in ways.items()
    ]
    sources.append(add(rig, "stored", transfer="cp", target=target))
    sources.append(add(rig, "moved", transfer="mv", target=target))
    kept = Kept.of(sources[:-1])
    records = run_all(rig)
    stored = Kept.of([rig.folder / "store" / name / f"{name}.tif" for name in ("stored", "moved")])
    dataset = targets_of(rig, "linked")
    ids = [record.facts["fileset_id"] for record in records.values()]
    images = [image for record in records.values() for image in record.facts["image_ids"]]
    (rig.context.results / "complete").touch()

    told = use(rig, "rollback")
    assert told.status == 0, told.words
    assert "apply: 6" in told.words
    assert [row["state"] for row in told.table["rows"]] == ["remove"] * 6
    assert any(
        f"Dataset:{dataset} D (made by these runs" in each for each in told.table["left_empty"]
    )
    assert any("tag undone" in each for each in told.table["left_empty"])
    assert (rig.context.results / "complete").exists()
    for wrong in (5, True):
        refused = use(rig, "rollback", apply=wrong)
        assert refused.status == 1 and "apply: 6" in refused.words
        assert all(in_omero(rig, "Fileset", each) for each in ids)

    done = use(rig, "rollback", apply=6, containers=True)
    assert done.status == 0, done.words
    assert not any(in_omero(rig, "Fileset", each) for each in ids)
    assert not any(in_omero(rig, "Image", each) for each in images)
    assert not in_omero(rig, "Dataset", dataset)
    assert [each.split(":")[0] for each in done.table["containers_removed"]] == [
        "Dataset",
        "Project",
    ]
    tag = records["linked"].facts["tags"]["undone"]
    assert in_omero(rig, "TagAnnotation", tag)
    for name in ("key_values_id", "source_id"):
        left = [record.facts[name] for record in records.values() if record.facts[name]]
        assert not any(in_omero(rig, "MapAnnotation", each) for each in left)
    for path in sources[:-1]:
        assert rig.links_to(path) == [] and rig.copies_of(path) == []
        assert path.stat().st_nlink == 1
    places = [each for r in records.values() for each in r.facts["repository_files"].values()]
    assert len(places) == 6 and not any(os.path.lexists(place) for place in places)
    for stage in ("import", "annotate"):
        assert not list((rig.context.results / stage).glob("*.jsonl"))
    assert not (rig.context.results / "complete").exists()

    audited = use(rig, "audit", strays=False, permissions=False)
    assert audited.status == 0, audited.words
    again = run_all(rig)
    assert {record.status for record in again.values()} == {"ok"}, again
    fresh = [record.facts["fileset_id"] for record in again.values()]
    assert not set(fresh) & set(ids)
    kept.check()
    stored.check()
    for path, fileset_id in zip(sources[:4], fresh, strict=False):
        assert rig.filesets_of(path) == [fileset_id]


def test_what_scratch_held_first_is_imported_anew_from_the_store(rig: Rig) -> None:
    script = rig.folder / "twice.sh"
    script.write_text('cp "$1" "$2/one.tif"; cp "$1" "$2/two.tif"')
    store, scratch = rig.folder / "store", rig.folder / "scratch"
    rig.options["convert"] = {
        "store": str(store), "scratch": str(scratch), "stage_then_redirect": True,
    }  # fmt: skip
    rig.options["converters"] = {
        "twice": {"runtime": "host", "command": f"sh {script} {{input}} {{output}}"}
    }
    add(rig, "made", convert="twice")
    assert run_all(rig)["made"].status == "ok"
    made = [store / "made" / "converted" / name for name in ("one.tif", "two.tif")]
    kept = Kept.of(made)

    done = use(rig, "rollback", apply=2)
    assert done.status == 0, done.words
    again = run_all(rig)["made"]

    assert again.status == "ok", again.cause
    kept.check()
    assert [len(rig.links_to(path)) for path in made] == [1, 1]
    assert not [path for path in scratch.rglob("*") if path.is_file()]


def test_what_people_worked_on_stays_unless_it_is_asked_for(rig: Rig) -> None:
    names = ("drawn", "noted", "placed", "free")
    for name in names:
        add(rig, name)
    records = run_all(rig)
    image = {name: records[name].facts["image_ids"][0] for name in names}
    rig.context.close()
    rig.context = rig.new_context()  # another session than the import's
    session = rig.omero
    roi = omero.model.RoiI()
    roi.setImage(omero.model.ImageI(image["drawn"], False))
    session.save([roi])
    link = omero.model.ImageAnnotationLinkI()
    link.setParent(omero.model.ImageI(image["noted"], False))
    comment = omero.model.CommentAnnotationI()
    comment.setTextValue(rstring("look at this"))
    link.setChild(comment)
    session.save([link])
    dataset = omero.model.DatasetI()
    dataset.setName(rstring("Figures"))
    dataset.linkImage(omero.model.ImageI(image["placed"], False))
    figures = session.save([dataset])[0].getId().getValue()

    told = use(rig, "rollback", apply=1)

    assert told.status == 1
    rows = {row["fileset"]: row for row in told.table["rows"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        "drawn": "refused", "noted": "refused", "placed": "refused", "free": "removed",
    }  # fmt: skip
    assert "ROI" in rows["drawn"]["cause"] and "annotation" in rows["noted"]["cause"]
    assert f"Dataset:{figures}" in rows["placed"]["cause"]
    assert all(in_omero(rig, "Image", image[name]) for name in names[:3])

    done = use(rig, "rollback", apply=3, used=True)
    assert done.status == 0, done.words
    assert not any(in_omero(rig, "Image", each) for each in image.values())
    assert in_omero(rig, "Dataset", figures)


def test_annotations_that_were_there_before_stay(rig: Rig) -> None:
    comment = omero.model.CommentAnnotationI()
    comment.setTextValue(rstring("of the facility"))
    own = rig.omero.save([comment])[0].getId().getValue()
    rig.options["import"] = {**rig.options["import"], "annotations": [own]}
    add(rig, "annotated")
    record = run_all(rig)["annotated"]
    assert rig.count(
        "select l.id from ImageAnnotationLink l where l.child.id = :id", id=own
    ) == len(record.facts["image_ids"])

    done = use(rig, "rollback", apply=1)

    assert done.status == 0, done.words
    assert not in_omero(rig, "Fileset", record.facts["fileset_id"])
    assert in_omero(rig, "CommentAnnotation", own)


def test_so_they_do_when_an_import_fails(rig: Rig) -> None:
    comment = omero.model.CommentAnnotationI()
    comment.setTextValue(rstring("of the facility"))
    own = rig.omero.save([comment])[0].getId().getValue()
    # The server is not told that it is no plate: it makes the image, which is then removed again.
    rig.add(
        "no-plate", [write_image(rig.folder / "a.tif")], target="Screen:name:S", annotations=(own,)
    )
    record = rig.import_all()["no-plate"]
    assert "the import was undone" in record.remedy
    assert in_omero(rig, "CommentAnnotation", own)


@pytest.mark.parametrize("transfer", ["ln_rm", "cp_rm", "upload_rm"])
def test_the_last_copy_is_brought_back_or_stays(rig: Rig, transfer: str) -> None:
    source = add(rig, "only", import_transfer=transfer)
    content, mtime = source.read_bytes(), source.stat().st_mtime_ns
    fileset_id = run_all(rig)["only"].facts["fileset_id"]
    assert not source.exists()

    refused = use(rig, "rollback", apply=1)
    assert refused.status == 1 and "only copy" in refused.words
    assert in_omero(rig, "Fileset", fileset_id)

    back = rig.folder / "back"
    done = use(rig, "rollback", apply=1, bring_back=str(back))
    assert done.status == 0, done.words
    assert not in_omero(rig, "Fileset", fileset_id)
    found = back / "only" / "only.tif"
    assert (found.read_bytes(), found.stat().st_mtime_ns) == (content, mtime)

    rig.change("only", path=str(found), import_transfer="ln_s")
    assert run_all(rig)["only"].status == "ok"


def test_what_a_killed_import_left_goes_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    source = add(rig, "killed", import_transfer="cp")
    kept = Kept.of([source])
    real = importing.import_fileset

    def dying(session: Any, request: Any, mount: Any, _report: Any) -> Any:
        def report(step: str) -> None:
            if step == "files transferred":
                raise SystemExit

        return real(session, request, mount, report)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(importing, "import_fileset", dying)
        run_all(rig)
    assert len(rig.filesets_of(source)) == 1 and rig.copies_of(source)

    done = use(rig, "rollback", apply=1)

    assert done.status == 0, done.words
    assert rig.filesets_of(source) == [] and rig.copies_of(source) == []
    assert run_all(rig)["killed"].status == "ok"
    kept.check()


def test_a_copy_stays_when_its_source_is_another_file_now(rig: Rig) -> None:
    source = add(rig, "changed", import_transfer="cp")
    linked = add(rig, "replaced", import_transfer="ln_s")
    content = linked.read_bytes()
    records = run_all(rig)
    times = source.stat().st_mtime_ns
    source.write_bytes(source.read_bytes()[:-1] + b"!")
    os.utime(source, ns=(times, times))
    (link,) = rig.links_to(linked)
    link.unlink()
    link.write_bytes(content)
    linked.unlink()

    told = use(rig, "rollback", apply=True, most=1)

    assert told.status == 1
    rows = {row["fileset"]: row for row in told.table["rows"]}
    assert rows["changed"]["state"] == "failed" and "only copy" in rows["changed"]["cause"]
    assert rows["replaced"]["state"] == "refused" and "only copy" in rows["replaced"]["cause"]
    assert all(in_omero(rig, "Fileset", each.facts["fileset_id"]) for each in records.values())
    assert link.read_bytes() == content


def test_killed_at_every_moment_it_finishes_when_run_again(rig: Rig) -> None:
    def kill_and_run_again(moment: int) -> str:
        own = Rig(rig.folder / f"killed-{moment}", rig.server, dict(rig.options))
        name = f"Killed {moment}"
        linked = add(own, "linked", target=f"Dataset:name:{name}")
        only = add(own, "only", target=f"Dataset:name:{name}", import_transfer="cp_rm")
        content = only.read_bytes()
        ids = [record.facts["fileset_id"] for record in run_all(own).values()]
        kept = Kept.of([linked])
        options = {"apply": 2, "containers": True, "bring_back": str(own.folder / "back")}
        died_at = use_and_die(own, "rollback", options, moment)
        assert all(in_omero(rig, "Fileset", each) for each in _claimed(own)), died_at
        back = own.folder / "back" / "only" / "only.tif"
        assert in_omero(rig, "Fileset", ids[1]) or back.read_bytes() == content, died_at
        told = use(own, "rollback", **options)
        assert told.status == 0, f"killed at {moment}, {died_at}: {told.words}"
        assert not any(in_omero(rig, "Fileset", each) for each in ids), died_at
        assert not rig.count("select d.id from Dataset d where d.name = :n", n=name), died_at
        assert _claimed(own) == [] and back.read_bytes() == content
        assert not (own.context.results / ".undo" / "rollback").exists()
        assert not list(back.parent.glob(".*"))
        if moment % 4 == 0:  # it takes as long as all the rest
            own.change("only", path=str(back), import_transfer="ln_s")
            assert {record.status for record in run_all(own).values()} == {"ok"}
            assert [len(own.filesets_of(path)) for path in (linked, back)] == [1, 1]
        own.close()
        kept.check()
        return died_at

    moments = at_every_moment(kill_and_run_again)
    assert {"submit", "open", "os.remove", "os.rename"} <= {each.split()[0] for each in moments}


def _claimed(rig: Rig) -> list[int]:
    """The filesets that the records of the import say are in OMERO."""
    return [
        json.loads(line)["facts"]["fileset_id"]
        for path in (rig.context.results / "import").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
