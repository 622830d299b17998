"""A custom import transfer is a Python function, and what is no such function is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.config import ConfigError, load
from ingest.fileset import StageError
from ingest.import_transfers import (
    NAMES,
    custom_problem,
    is_custom,
    load_custom,
    removes_sources,
    text_problem,
    way,
)
from ingest.manifest import ManifestError, read_manifest

MODULE = """
from pathlib import Path
(Path(__file__).parent / "imported").open("a").write("once ")
LIMIT = 3
def transfer(source: Path, destination: Path) -> None: ...
def with_more(source, destination, *, fast=True): ...
def one(source): ...
class Site:
    def __call__(self, source, destination): ...
site = Site()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module `site_transfers`, which no other test has imported."""
    where = tmp_path / "site"
    where.mkdir()
    (where / "site_transfers.py").write_text(MODULE)
    before = list(sys.path)
    yield where
    sys.path[:] = before
    custom_problem.cache_clear()
    for name in [name for name in sys.modules if name.startswith("site_")]:
        del sys.modules[name]


def test_the_names() -> None:
    assert [name for name in NAMES if removes_sources(name)] == ["ln_rm", "cp_rm", "upload_rm"]
    assert [way(name) for name in NAMES] == ["ln_s", "ln", "ln", "cp", "cp", "upload", "upload"]
    assert all(text_problem(name) is None and not is_custom(name) for name in NAMES)
    assert way("site:ln_rm") == "site:ln_rm"
    assert not removes_sources("site:ln_rm")


@pytest.mark.parametrize("text", ["m:f", "package.module:function", "größe:µ"])
def test_a_custom_transfer_is_a_module_and_a_function(text: str) -> None:
    assert text_problem(text) is None
    assert is_custom(text)


@pytest.mark.parametrize("text", ["m:", ":f", "m:f:g", "a b:c", "/x/m.py:f", "m.:f", "m:f.g"])
def test_what_cannot_be_a_function(text: str) -> None:
    problem = text_problem(text)
    assert problem is not None
    assert "module:function" in problem.remedy


@pytest.mark.parametrize("text", ["mv", "ln_S", "none", "rm"])
def test_what_is_no_transfer(text: str) -> None:
    problem = text_problem(text)
    assert problem is not None
    assert "upload_rm, or module:function" in problem.remedy


@pytest.mark.parametrize("name", ["transfer", "with_more", "site"])
def test_a_function_is_found_in_its_folder(folder: Path, name: str) -> None:
    assert custom_problem(f"site_transfers:{name}", folder) is None
    assert callable(load_custom(f"site_transfers:{name}"))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("site_transfers:LIMIT", "has no function LIMIT"),
        ("site_transfers:absent", "has no function absent"),
        ("site_transfers:one", "cannot be called as one(source, destination)"),
        ("site_absent:f", "ModuleNotFoundError: No module named 'site_absent'"),
        ("site_broken:f", "ValueError: no licence"),
        ("site_leaving:f", "SystemExit: 2"),
    ],
)
def test_why_a_function_cannot_be_used(folder: Path, text: str, cause: str) -> None:
    (folder / "site_broken.py").write_text("raise ValueError('no licence')")
    (folder / "site_leaving.py").write_text("import sys; sys.exit(2)")
    with pytest.raises(StageError) as error:
        load_custom(text, folder)
    assert cause in error.value.cause
    assert text.partition(":")[0] in error.value.cause
    assert error.value.remedy


def plan(tmp_path: Path, *rows: str, **options: object) -> None:
    (tmp_path / "a.tif").write_bytes(b"x")
    (tmp_path / "m.csv").write_text("\n".join(["fileset,path,import_transfer", *rows]))
    read_manifest(load({"manifest": "m.csv", **options}), tmp_path)


def test_the_plan_imports_a_module_once(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "b.tif").write_bytes(b"x")
    rows = ["a,a.tif,site_transfers:transfer", "b,b.tif,site_transfers:with_more"]
    for _ in range(2):
        plan(tmp_path, *rows, **{"import": {"transfer_folder": str(folder)}})
    assert (folder / "imported").read_text() == "once "


def test_the_plan_refuses_a_function_that_is_not_there(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ManifestError) as error:
        plan(
            tmp_path,
            "a,a.tif,site_transfers:absent",
            **{"import": {"transfer_folder": str(folder)}},
        )
    (problem,) = error.value.problems
    assert (problem.row, problem.column) == (2, "import_transfer")
    assert "site_transfers.py has no function absent" in problem.cause


def test_the_configuration_is_refused_for_its_default(tmp_path: Path, folder: Path) -> None:
    options = {"import": {"transfer_folder": str(folder)}}
    default = {"defaults": {"import_transfer": "site_transfers:absent"}}
    with pytest.raises(ConfigError, match=r"defaults\.import_transfer: .*has no function absent"):
        plan(tmp_path, "a,a.tif,", **default, **options)
    with pytest.raises(ConfigError, match="site_transfers"):
        plan(tmp_path, "a,a.tif,", **default)
    with pytest.raises(ConfigError, match=r"defaults\.import_transfer: 'm:' is refused"):
        load({"defaults": {"import_transfer": "m:"}})


@pytest.mark.parametrize("how", ["ln_rm", "cp_rm", "upload_rm"])
def test_a_store_is_for_good(tmp_path: Path, how: str) -> None:
    store = {"transfer": {"store": "store"}}
    with pytest.raises(ManifestError) as error:
        plan(tmp_path, f"a,a.tif,{how}", defaults={"transfer": "cp"}, **store)
    (problem,) = error.value.problems
    assert "for good" in problem.cause
    assert f"Write {how.removesuffix('_rm')}; or none" in problem.remedy
    plan(tmp_path, f"a,a.tif,{how}", **store)


def test_what_a_converter_reads_is_not_removed(tmp_path: Path) -> None:
    options = {
        "converters": {"tiff": {"runtime": "host", "command": "cp {input} {output}"}},
        "transfer": {"store": "store"},
    }
    with pytest.raises(ManifestError, match="OMERO gets only what 'tiff' makes"):
        plan(tmp_path, "a,a.tif,cp_rm", defaults={"convert": "tiff"}, **options)
    plan(tmp_path, "a,a.tif,cp_rm", **options)


def test_what_lies_in_the_store_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "b.tif").write_bytes(b"x")
    (tmp_path / "link.tif").symlink_to(tmp_path / "store" / "b.tif")
    for path in ("store/b.tif", "link.tif", "store"):
        with pytest.raises(ManifestError, match="lies in the store"):
            plan(tmp_path, f"a,{path},cp_rm", transfer={"store": "store"})
    plan(tmp_path, "a,store/b.tif,cp", transfer={"store": "store"})


def test_sources_that_were_removed_are_not_missed(tmp_path: Path) -> None:
    from ingest.journal import Journal

    plan(tmp_path, "a,a.tif,ln_rm")
    (tmp_path / "gone.csv").write_text("fileset,path,import_transfer\na,b.tif,ln_rm")
    config = load({"manifest": "gone.csv"})
    with pytest.raises(ManifestError, match="does not exist"):
        read_manifest(config, tmp_path)
    journal = Journal(tmp_path / "results" / "journal")
    journal.append("a", "import", "intent", removes=[str(tmp_path / "b.tif")])
    (row,) = read_manifest(config, tmp_path).rows
    assert (row.path, row.problem) == (str(tmp_path / "b.tif"), None)
