"""What a bulk file says here is what the official client makes of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ingest.bulk.table import bulk_rows

ARGUMENTS = {"--name": "name", "--target": "target", "--transfer": "import_transfer",
             "--exclude": "exclude", "--description": "description"}  # fmt: skip

BASE = "transfer: ln_s\nexclude: clientpath\nname: of the base\npath: ../gone.tsv\n"
# Lists of words are left out: with more than one column the official client fails on them.
STUDIES = {
    "a tsv": (
        "columns: [target, path]\n",
        "list.tsv",
        "Dataset:name:A\t/a b.tif\nDataset:name:B\trel/b.tif\n",
    ),
    "a csv": ("columns: [path, name]\n", "list.csv", '"/a,b.tif",One\n/c.tif,Two words\n'),
    "lines": ("", "list.tsv", "/a b.tif\n/c.tif\n"),
    "over the base": ("name: own\ntransfer: cp\ncolumns: [path]\n", "list.tsv", "/a.tif\n"),
}


@pytest.mark.parametrize("study", STUDIES)
def test_the_same_options_and_paths(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import omero.cli

    (tmp_path / "base.yml").write_text(BASE)
    options, name, listed = STUDIES[study]
    (tmp_path / "study.yml").write_text(
        f"include: base.yml\npath: {name}\ndry_run: true\n{options}"
    )
    (tmp_path / name).write_text(listed)
    (tmp_path / "none.jar").touch()  # it asks for its Java client, which a dry run does not start

    cli = omero.cli.CLI()
    cli.loadplugins()
    cli.invoke(
        ["import", "-f", "--clientdir", str(tmp_path), "--bulk", str(tmp_path / "study.yml")]
    )
    assert cli.rv == 0
    official = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]

    (_, header), *rows = bulk_rows(tmp_path / "study.yml").rows
    ours = [dict(zip(header, cells, strict=True)) for _, cells in rows]
    assert len(ours) == len(official) > 0
    for row, words in zip(ours, official, strict=True):
        *options_given, path = words
        assert row["path"] == path
        given = dict(word.split("=", 1) for word in options_given)
        assert {ARGUMENTS[key]: value for key, value in given.items()} == {
            key: value for key, value in row.items() if key in ARGUMENTS.values() and value
        }
