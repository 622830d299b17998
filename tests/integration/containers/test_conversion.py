"""Conversions in containers and on the host: what works, and everything that may go wrong."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import imageformats
from ingest.conversion import process
from ingest.fileset import Fileset, Record, StageError
from ingest.stages.convert import STAGE
from tests.fixtures.containers import Images, call, derive, fresh_name, remove
from tests.fixtures.waiting import wait_until
from tests.integration.containers.converters import chooser
from tests.integration.containers.registry import serving
from tests.integration.containers.rig import a_long_time, context_of, files_in, is_running

PLAN = Record("a", "plan", "notneeded")
FORMS = ("folder", "sif", "podman")


@pytest.fixture(scope="module")
def converter(mini_image: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    assert mini_image.sif.exists()
    image = derive(tmp_path_factory.mktemp("image"), "converters", chooser())
    yield image
    remove(image)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small image in a folder whose name means something to every syntax of mounts."""
    folder = tmp_path / "raw, a:b 'c' \"d\" µ"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 64), "uint16")
    tifffile.imwrite(folder / "cell.ome.tif", pixels, ome=True)
    return folder / "cell.ome.tif"


def image_in(converter: Images, form: str) -> dict[str, Any]:
    image = str(getattr(converter, form))
    return {"image": image, "contract": "biomero", "time_limit_minutes": 10}


@pytest.mark.parametrize("form", FORMS)
def test_a_conversion_in_each_runtime(
    form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"c": image_in(converter, form)})
    row = Fileset("a", 2, str(source), convert="c?which=copies&saveoption=single")
    record = STAGE.run(row, PLAN, context)
    (file,) = record.files
    assert Path(file.path) == tmp_path / "store/a/converted/cell.ome.tif"
    with imageformats.open_planes(source) as before, imageformats.open_planes(file.path) as after:
        assert np.array_equal(before.plane(0, 0, 0, 0), after.plane(0, 0, 0, 0))
    facts = record.facts["conversion"]
    assert facts["runtime"]["name"] == ("podman" if form == "podman" else "apptainer")
    assert facts["runtime"]["network"] == "off"
    assert facts["image_digest"].startswith("sha256:")
    assert facts["status"] == 0
    assert facts["last_words"] == "some words\nand --saveoption single"
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.ome.tif"]


@pytest.mark.parametrize("form", FORMS)
def test_a_converter_sees_and_writes_nothing_but_what_is_its_own(
    form: str,
    converter: Images,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMERO_PASSWORD", "x")
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("http_proxy", "x")
    monkeypatch.setenv("HTTPS_PROXY", "x")
    monkeypatch.setenv("APPTAINERENV_SECRET", "x")
    before = source.read_bytes()
    ours = {"OURS": "value of ours", "HOME": "/tmp/of ours"}
    options = {**image_in(converter, form), "environment": ours}
    context = context_of(tmp_path, {"c": options})
    record = STAGE.run(Fileset("a", 2, str(source), convert="c?which=nosy"), PLAN, context)
    said = record.facts["conversion"]["last_words"]
    assert "net: lo \n" in said
    assert "ours: value of ours" in said
    assert "home: /tmp/of ours" in said
    assert "has a tmp" in said
    for never in ("sees our environment", "writes beside", "writes to its", "mounts anew", "OMERO"):
        assert never not in said
    assert "value of ours" not in str({**record.facts["conversion"], "last_words": ""})
    assert list(source.parent.iterdir()) == [source]
    assert source.read_bytes() == before


@pytest.mark.parametrize("form", FORMS)
def test_several_outputs_each_with_their_key_values(
    form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"c": image_in(converter, form)})
    record = STAGE.run(Fileset("a", 2, str(source), convert="c?which=several"), PLAN, context)
    parts = record.facts["conversion"]["parts"]
    assert [part["files"] for part in parts] == [["cell-one.ome.tif"], ["cell-two.ome.tif"]]
    assert [part["name"] for part in parts] == ["first", "second"]
    assert parts[0]["key_values"] == [["stage", "one"], ["n", "1, 2"]]
    assert parts[1]["key_values"] == [["stage", "two"]]


WRONG = [
    ("nothing", "wrote no file"),
    ("says_nothing", "says that it made nothing"),
    ("broken_json", "broken JSON"),
    ("leaves", "/tmp/x.tif, which is not in its output folder"),
    ("climbs", "/output/../../etc/hostname, which is not in its output folder"),
    ("links_out", "which leads out of its output folder"),
    ("lies", "no.tif, which it did not write"),
    ("empty", "which is empty"),
    ("garbage", "which Bio-Formats cannot read"),
    ("pipe", "set/b.ome.tif, which is not a regular file"),
    ("half", "which Bio-Formats cannot read"),
    ("fails", "ended with status 3; its last output: it is broken"),
]


@pytest.mark.parametrize(("which", "cause"), WRONG)
@pytest.mark.parametrize("form", ["sif", "podman"])
def test_what_a_converter_may_do_wrong_is_named_and_leaves_nothing(
    which: str, cause: str, form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"c": image_in(converter, form)})
    with pytest.raises(StageError) as caught:
        STAGE.run(Fileset("a", 2, str(source), convert=f"c?which={which}"), PLAN, context)
    assert cause in caught.value.cause
    assert caught.value.remedy
    assert files_in(tmp_path / "store") == []


def test_an_output_belongs_to_whoever_runs_the_workflow(
    converter: Images, source: Path, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"c": image_in(converter, "podman")})
    record = STAGE.run(Fileset("a", 2, str(source), convert="c?which=owned"), PLAN, context)
    assert Path(record.files[0].path).stat().st_uid == os.geteuid()


def test_two_outputs_never_become_one_file(converter: Images, source: Path, tmp_path: Path) -> None:
    context = context_of(tmp_path, {"c": {**image_in(converter, "sif"), "alt_output": True}})
    with pytest.raises(StageError, match=r"two files a\.ome\.tif"):
        STAGE.run(Fileset("a", 2, str(source), convert="c?which=twins"), PLAN, context)
    assert files_in(tmp_path / "store") == []


@pytest.mark.parametrize("form", FORMS)
def test_a_converter_that_hangs_is_ended_with_all_it_started(
    form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    options = {**image_in(converter, form), "time_limit_minutes": 0.05}
    context = context_of(tmp_path, {"c": options})
    seconds = a_long_time()
    row = Fileset("a", 2, str(source), convert=f"c?which=hangs&seconds={seconds}")
    with pytest.raises(StageError, match=r"ended after 0\.05 minutes"):
        STAGE.run(row, PLAN, context)
    wait_until(lambda: not is_running(f"sleep {seconds}"), "the converter's end")
    assert files_in(tmp_path / "store") == []


@pytest.mark.parametrize("form", FORMS)
def test_a_converter_that_takes_too_much_memory_is_ended(
    form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    options = {**image_in(converter, form), "memory_mb": 100}
    context = context_of(tmp_path, {"c": options})
    with pytest.raises(StageError, match="more than its 100 MB"):
        STAGE.run(Fileset("a", 2, str(source), convert="c?which=greedy"), PLAN, context)


def test_an_image_that_changed_is_told_and_converts_again(
    converter: Images, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = tmp_path / "moving.sif"
    image.symlink_to(converter.sif)
    context = context_of(tmp_path, {"c": {**image_in(converter, "sif"), "image": str(image)}})
    row = Fileset("a", 2, str(source), convert="c?which=copies")
    first = STAGE.run(row, PLAN, context)
    assert STAGE.still_holds(row, first, context)
    other = tmp_path / "other.sif"
    other.write_bytes(converter.sif.read_bytes() + b"\0" * 4096)
    image.unlink()
    image.symlink_to(other)
    assert not STAGE.still_holds(row, first, context)
    assert "it was converted by sha256:" in caplog.text
    second = STAGE.run(row, PLAN, context)
    digests = [record.facts["conversion"]["image_digest"] for record in (first, second)]
    assert digests[0] != digests[1]
    assert (tmp_path / "store/.superseded/a").exists()
    context.journal.append("a", "import", "intent", import_id="begun")
    other.write_bytes(converter.sif.read_bytes())
    assert STAGE.still_holds(replace(row), second, context)
    other.unlink()
    assert STAGE.still_holds(row, second, context)
    assert "cannot be had now: the image" in caplog.text


def test_an_image_that_is_replaced_while_it_runs_leaves_nothing(
    converter: Images, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, run = tmp_path / "moving.sif", process.run
    image.write_bytes(converter.sif.read_bytes())

    def replacing(*arguments: Any) -> process.Ended:
        ended = run(*arguments)
        image.write_bytes(converter.sif.read_bytes() + b"\0" * 4096)
        return ended

    context = context_of(tmp_path, {"c": {**image_in(converter, "sif"), "image": str(image)}})
    row = Fileset("a", 2, str(source), convert="c?which=copies")
    with monkeypatch.context() as patch, pytest.raises(StageError, match="while it ran"):
        patch.setattr(process, "run", replacing)
        STAGE.run(row, PLAN, context)
    assert files_in(tmp_path / "store") == []
    assert STAGE.run(row, PLAN, context).status == "ok"


@pytest.mark.parametrize("form", FORMS)
def test_a_killed_conversion_ends_its_converter_and_is_begun_anew(
    form: str, converter: Images, source: Path, tmp_path: Path
) -> None:
    options = {"c": image_in(converter, form)}
    seconds = a_long_time()
    convert = f"c?which=slow&seconds={seconds}"
    program = [sys.executable, "-m", "tests.integration.containers.dying_conversion"]
    process = subprocess.Popen([*program, str(tmp_path), json.dumps(options), str(source), convert])
    try:
        wait_until(lambda: is_running(f"sleep {seconds}"), "the converter's start")
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not is_running(f"sleep {seconds}"), "the converter's end")
    assert not (tmp_path / "store/a").exists()
    context = context_of(tmp_path, options)
    record = STAGE.run(Fileset("a", 2, str(source), convert="c?which=copies"), PLAN, context)
    assert [file.name for file in record.files] == ["converted/cell.ome.tif"]
    assert files_in(tmp_path / "store") == ["a/conversion.json", "a/converted/cell.ome.tif"]
    assert list(source.parent.iterdir()) == [source]


def test_an_image_of_a_registry_is_pinned_and_a_tag_that_moved_is_told(
    converter: Images,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("APPTAINER_NOHTTPS", "true")
    monkeypatch.setenv("APPTAINER_CACHEDIR", str(tmp_path / "cache"))
    other = derive(tmp_path, "moved", chooser() + "# another\n")
    try:
        with serving(tmp_path) as registry:
            name = f"docker://{registry.address}/test/image:latest"
            context = context_of(tmp_path, {"c": {**image_in(converter, "sif"), "image": name}})
            first = registry.push(converter.podman, "latest")
            row = Fileset("a", 2, str(source), convert="c?which=copies")
            record = STAGE.run(row, PLAN, context)
            assert record.facts["conversion"]["image_digest"] == first
            moved = registry.push(other.podman, "latest")
            record = STAGE.run(replace(row, id="b"), PLAN, context)
            assert record.facts["conversion"]["image_digest"] == moved != first
            assert record.facts["conversion"]["image_digest_before"] == first
            assert f"it was {first}, it is {moved}" in caplog.text
        record = STAGE.run(replace(row, id="c"), PLAN, context)  # the registry is gone
        assert record.facts["conversion"]["image_digest"] == moved
    finally:
        remove(other)


def test_an_image_that_was_dockers_runs_where_it_wants_to_and_evaluates_no_name(
    mini_image: Images, source: Path, tmp_path: Path
) -> None:
    """As many converters of BIOMERO are: an entry point relative to the image's WORKDIR."""
    named = source.rename(source.with_name('cell $(touch ${output}) `id` "x".ome.tif'))
    name, archive = fresh_name("relative"), tmp_path / "relative.tar"
    root = io.BytesIO()
    with tarfile.open(fileobj=root, mode="w") as tar:
        tar.add(mini_image.folder, arcname=".")
        content = chooser().encode()
        member = tarfile.TarInfo("./app/converter.sh")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    changes = ("--change", "WORKDIR=/app", "--change", 'ENTRYPOINT ["bash", "converter.sh"]')
    call("podman", "import", "--quiet", *changes, "-", name, stdin=root.getvalue())
    image = Images(tmp_path, tmp_path / "relative.sif", name)
    try:
        call("podman", "save", "--quiet", "--output", str(archive), name)
        call("apptainer", "build", str(image.sif), f"docker-archive:{archive}")
        for form in ("sif", "podman"):
            context = context_of(tmp_path, {"c": image_in(image, form)})
            row = Fileset(form, 2, str(named), convert="c?which=copies")
            record = STAGE.run(row, PLAN, context)
            assert Path(record.files[0].path).read_bytes() == named.read_bytes()
        assert files_in(named.parent) == [named.name]
    finally:
        remove(image)
