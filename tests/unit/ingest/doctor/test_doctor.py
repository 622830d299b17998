"""Findings and their table; umask; a check that fails brings no other down."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.doctor.doctor import umask
from ingest.doctor.findings import Finding, examined
from ingest.doctor.people import Account, current_umask, ourselves
from ingest.doctor.table import summed_up, table, write
from ingest.fileset import StageError
from tests.unit.ingest.doctor.places import OMERO, US, faults, statuses

SERVER, IMPORTER = Account(OMERO, frozenset()), Account(US, frozenset({US}))


def test_umask_that_keeps_omero_out() -> None:
    found = list(umask(0o077, IMPORTER, SERVER, makes_files=True))
    assert "0077" in faults(found)[0] and "umask 0002" in found[0].remedy
    assert statuses(umask(0o077, IMPORTER, SERVER, makes_files=False)) == {"warn"}
    assert statuses(umask(0o077, IMPORTER, IMPORTER, makes_files=True)) == {"warn"}
    assert statuses(umask(0o022, IMPORTER, SERVER, makes_files=True)) == {"note"}
    assert statuses(umask(0o002, IMPORTER, SERVER, makes_files=True)) == {"ok"}


def test_umask_is_read_without_changing_it() -> None:
    before = os.umask(0o027)
    try:
        assert current_umask() == 0o027
    finally:
        assert os.umask(before) == 0o027


def test_an_error_is_a_finding_after_those_before_it() -> None:
    def look() -> Iterator[Finding]:
        yield Finding("ok", "space", "enough")
        raise PermissionError(13, "Permission denied", "/closed")

    first, second = examined("space", look)
    assert first.status == "ok"
    assert second.status == "warn" and "/closed" in second.finding and second.remedy


def test_what_ice_says_is_not_told() -> None:
    def look() -> Iterator[Finding]:
        raise RuntimeError("session 0123-key")
        yield

    (found,) = examined("login", look)
    assert "0123-key" not in found.finding and "RuntimeError" in found.finding


def test_a_stage_error_must_be_fixed() -> None:
    def look() -> Iterator[Finding]:
        raise StageError("no login", "Log in.")
        yield

    assert examined("login", look) == [Finding("fix", "login", "no login", "Log in.")]


def test_table_has_what_must_be_fixed_last(tmp_path: Path) -> None:
    findings = [
        Finding("fix", "login", "wrong password", "Check OMERO_PASSWORD."),
        Finding("ok", "space", "enough\x1b[31m"),
        Finding("warn", "umask", "umask 0077", "Run umask 0002."),
    ]
    text = table(findings, Path("results"))
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if line[:1].strip()] == ["ok", "warn", "fix", "1"]
    assert "\x1b" not in text
    assert lines[-1].startswith("1 thing must be fixed before a run (1 to look at)")
    assert all(len(line) <= 100 for line in lines)
    write(tmp_path, findings)
    kept = json.loads((tmp_path / "doctor.json").read_text())
    assert (kept["fix"], kept["warn"], kept["ok"], kept["note"]) == (1, 1, 1, 0)
    assert kept["findings"][0]["remedy"] == "Check OMERO_PASSWORD."


def test_nothing_to_fix() -> None:
    assert summed_up([Finding("ok", "a", "b")], Path()).startswith("Nothing needs fixing")


@pytest.mark.parametrize(("mode", "may"), [(0o400, True), (0o040, False), (0o004, False)])
def test_owner_has_the_owners_bits_only(tmp_path: Path, mode: int, may: bool) -> None:
    path = tmp_path / "a"
    path.touch()
    os.chown(path, US, US)
    path.chmod(mode)
    assert IMPORTER.may(4, path.stat()) is may


def test_ourselves() -> None:
    us = ourselves()
    assert us.uid == os.geteuid() and os.getegid() in us.gids
