"""Storage that was moved: links are led there, and what is known of them agrees."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ingest.digests import digest_bytes
from tests.fixtures.dying import at_every_moment
from tests.integration.ingest_omero.rig import Rig, write_image
from tests.integration.undo.house import (
    Kept,
    move,
    run_all,
    temporary_names,
    use,
    use_and_die,
)


def add(rig: Rig, name: str, folder: Path, **columns: str) -> Path:
    path = write_image(folder / "deep" / f"{name}.tif")
    rig.add(name, [path], target="Dataset:name:Undo", **columns)
    return path


def client_paths(rig: Rig, fileset_id: int) -> list[str]:
    rows = rig.omero.rows(
        "select e.clientPath from FilesetEntry e where e.fileset.id = :id", id=fileset_id
    )
    return [row[0] for row in rows]


def source_pairs(rig: Rig, annotation_id: int) -> dict[str, str]:
    note, *_ = rig.omero.objects(
        "select a from MapAnnotation a join fetch a.mapValue where a.id = :id", id=annotation_id
    )
    return {pair.name: pair.value for pair in note.getMapValue()}


def test_links_are_led_to_the_new_place_and_a_rerun_agrees(rig: Rig) -> None:
    old, new = rig.folder / "old", rig.folder / "new"
    source = add(rig, "linked", old)
    elsewhere = add(rig, "elsewhere", rig.folder / "other")
    copied = add(rig, "copied", old, import_transfer="cp")
    records = run_all(rig)
    fileset_id = records["linked"].facts["fileset_id"]
    move(old, new)
    moved = new / source.relative_to(old)
    kept = Kept.of([moved, elsewhere, new / copied.relative_to(old)])
    roots = {str(old): str(new)}

    told = use(rig, "relink", roots=roots)
    assert told.status == 0, told.words
    assert rig.links_to(source) and not rig.links_to(moved)
    assert {row["fileset"]: row["state"] for row in told.table["rows"]} == {
        "linked": "change", "elsewhere": "nothing", "copied": "nothing",
    }  # fmt: skip
    assert "apply: 1" in told.words

    refused = use(rig, "relink", roots=roots, apply=2)
    assert refused.status == 1 and rig.links_to(source)
    refused = use(rig, "relink", roots=roots, apply=True)
    assert refused.status == 1 and "apply: 1" in refused.words and rig.links_to(source)

    done = use(rig, "relink", roots=roots, apply=1)
    assert done.status == 0, done.words
    assert rig.links_to(moved) and not rig.links_to(source)
    assert client_paths(rig, fileset_id) == [str(moved)[1:]]
    assert source_pairs(rig, records["linked"].facts["source_id"])["path"] == str(moved)

    again = use(rig, "relink", roots=roots, apply=1)
    assert again.table["counts"]["done"] == 1
    audited = use(rig, "audit", strays=False, permissions=False)
    assert audited.status == 0, audited.words

    for name, path in (("linked", moved), ("copied", new / copied.relative_to(old))):
        rig.change(name, path=str(path))
    journal = rig.context.journal.path("linked").read_bytes()
    rerun = run_all(rig)
    assert {record.status for record in rerun.values()} == {"ok"}, rerun
    assert {name: record.facts["fileset_id"] for name, record in rerun.items()} == {
        name: record.facts["fileset_id"] for name, record in records.items()
    }
    assert rig.filesets_of(moved) == [fileset_id] and rig.filesets_of(source) == []
    # Nothing was read, linked or annotated again: every stage found its record in the journal.
    assert rig.context.journal.path("linked").read_bytes() == journal
    kept.check()
    assert temporary_names(rig.folder, rig.server.repository) == []


def test_what_is_refused_and_why(rig: Rig) -> None:
    old, new = rig.folder / "old", rig.folder / "new"
    names = ("gone", "short", "flipped", "file", "outside", "unlinked")
    sources = {name: add(rig, name, old) for name in names}
    pair = [write_image(old / "pair" / f"{number}.tif") for number in range(2)]
    rig.add("pair", pair, files=("0.tif", "1.tif"))
    rig.change("pair", path=str(pair[0].parent))
    run_all(rig)
    move(old, new)
    moved = {name: new / path.relative_to(old) for name, path in sources.items()}
    (link,) = rig.links_to(sources["file"])
    link.unlink()
    link.write_bytes(b"somebody's")
    (unlinked,) = rig.links_to(sources["unlinked"])
    unlinked.unlink()
    moved["gone"].unlink()
    moved["short"].write_bytes(moved["short"].read_bytes()[:-1])
    content = bytearray(moved["flipped"].read_bytes())
    content[-1] ^= 1
    moved["flipped"].write_bytes(content)
    aside = moved["outside"].rename(rig.folder / "aside.tif")
    moved["outside"].symlink_to(aside)
    (new / "pair" / "1.tif").unlink()

    told = use(rig, "relink", roots={str(old): str(new)}, apply=True, most=1)

    assert told.status == 1
    causes = {row["fileset"]: row["cause"] for row in told.table["rows"]}
    assert {row["state"] for row in told.table["rows"]} == {"refused", "nothing"}
    assert f"there is no {moved['gone']}" in causes["gone"]
    assert "bytes" in causes["short"]
    digest = digest_bytes(bytes(content), ["BLAKE3"])["BLAKE3"]
    assert digest in causes["flipped"] or "Murmur3-128" in causes["flipped"]
    assert "holds the bytes itself" in causes["file"]
    assert "out of its new root" in causes["outside"]
    assert "not there" in causes["unlinked"]
    links = [row for row in told.table["rows"] if row["fileset"] == "pair"]
    assert {row["state"] for row in links} == {"refused"}
    assert any("of the same fileset" in row["cause"] for row in links)
    for name in ("gone", "short", "flipped", "outside"):
        assert rig.links_to(sources[name]) and not rig.links_to(moved[name])
    assert "Fix what was refused" in told.words
    misspelt = use(rig, "relink", roots={f"{old}s": f"{new}s"})
    assert f"manifest?):\n    {old}s\n" in misspelt.words
    flipped = use(rig, "relink", roots={str(old): str(new)}, mode="fast")
    assert "flipped" in {
        row["fileset"] for row in flipped.table["rows"] if row["state"] == "change"
    }


def test_links_in_the_store_and_the_longest_root(rig: Rig) -> None:
    old, new = rig.folder / "old", rig.folder / "new"
    store, inner = rig.folder / "old" / "store", rig.folder / "new-store"
    rig.options["transfer"] = {"store": str(store)}
    source = add(rig, "stored", old / "raw", transfer="ln_s")
    records = run_all(rig)
    stored = store / "stored" / source.name
    assert stored.readlink() == source
    move(store, inner)
    move(old, new)
    roots = {str(old): str(new), str(store): str(inner)}

    rig.options["transfer"] = {"store": str(inner)}
    rig.change("stored", path=str(new / source.relative_to(old)))
    early = run_all(rig)["stored"]
    assert early.status == "impossible" and "snakemake relink" in early.remedy

    told = use(rig, "relink", roots=roots, apply=2)

    assert told.status == 0, told.words
    now = inner / "stored" / source.name
    assert rig.links_to(now) and now.readlink() == new / source.relative_to(old)
    rerun = run_all(rig)
    assert rerun["stored"].status == "ok", rerun["stored"].cause
    assert rerun["stored"].facts["fileset_id"] == records["stored"].facts["fileset_id"]


def test_a_store_that_was_copied_to_another_disk_is_audited_as_before(rig: Rig) -> None:
    store, new = rig.folder / "store", rig.folder / "new-store"
    rig.options["transfer"] = {"store": str(store)}
    for transfer in ("mv", "ln", "cp", "ln_s"):
        add(rig, f"by-{transfer}", rig.folder / "raw", transfer=transfer)
    run_all(rig)
    shutil.copytree(store, new, symlinks=True)  # other inodes, as on another disk
    shutil.rmtree(store)
    for path in new.rglob("*.*"):  # and other owners
        os.lchown(path, 4711, -1)

    told = use(rig, "relink", roots={str(store): str(new)}, apply=4)
    audited = use(rig, "audit", strays=False)

    assert told.status == 0, told.words
    assert audited.status == 0, audited.words


def test_killed_at_every_moment_it_finishes_when_run_again(rig: Rig) -> None:
    def kill_and_run_again(moment: int) -> str:
        own = Rig(rig.folder / f"killed-{moment}", rig.server, dict(rig.options))
        old, new = own.folder / "old", own.folder / "new"
        sources = [add(own, name, old) for name in ("one", "two")]
        before = run_all(own)
        move(old, new)
        moved = [new / path.relative_to(old) for path in sources]
        kept = Kept.of(moved)
        options = {"roots": {str(old): str(new)}, "apply": 2}
        died_at = use_and_die(own, "relink", options, moment)
        told = use(own, "relink", **options)
        assert told.status == 0, f"killed at {moment}, {died_at}: {told.words}"
        for source, path in zip(sources, moved, strict=True):
            assert len(own.links_to(path)) == 1 and own.links_to(source) == []
            own.change(path.stem, path=str(path))
        assert not list((own.context.results / ".undo").iterdir())
        folders = [link.parent for path in moved for link in own.links_to(path)]
        assert temporary_names(old.parent / "new", *folders) == []
        if moment % 4 == 0:  # it takes as long as all the rest
            after = run_all(own)
            assert {record.status for record in after.values()} == {"ok"}
            assert [after[name].facts["fileset_id"] for name in before] == [
                record.facts["fileset_id"] for record in before.values()
            ]
        own.close()
        kept.check()
        return died_at

    moments = at_every_moment(kill_and_run_again)
    assert {"os.symlink", "os.rename", "save", "open"} <= {each.split()[0] for each in moments}
