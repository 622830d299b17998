"""doctor against a server, whose set-up is broken in one way at a time."""

from __future__ import annotations

import csv
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero.model
import pytest
from omero.rtypes import rstring

from ingest.config import load
from ingest.context import Context
from ingest.doctor import server as server_checks
from ingest.doctor.doctor import diagnose
from ingest.doctor.findings import Finding
from ingest.fileset import StageError
from ingest.journal import Journal
from ingest.omero.session import SessionPool
from tests.integration.ingest_omero.rig import Rig, Server, write_image


@dataclass
class Site:
    """A facility's manifest and configuration, right until a test breaks them."""

    folder: Path
    server: Server
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        facts = json.loads((self.server.folder / "server.json").read_text())
        self.log_in(
            "admin",
            (self.server.folder / "secret").read_text().strip(),
            facts["port"],
        )
        self.image = write_image(self.folder / "data" / "a.tif")
        self.rows: list[dict[str, str]] = [{"fileset": "a", "path": str(self.image)}]

    def log_in(self, user: str, password: str = "", port: int = 0) -> None:
        given = {"HOST": "127.0.0.1", "USER": user, "PASSWORD": password, "PORT": str(port or "")}
        for name, value in given.items():
            if value:
                self.monkeypatch.setenv(f"OMERO_{name}", value)

    def diagnose(self, **options: Any) -> list[Finding]:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with (self.folder / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        results = self.folder / "results"
        results.mkdir(exist_ok=True)
        base = {
            "manifest": str(self.folder / "manifest.csv"),
            "results": str(results),
            "doctor": {"temporary": []},
            "omero": {"embedded": False, **options.pop("omero", {})},
        }
        context = Context(load({**base, **options}), results, Journal(results / "journal"))
        try:
            return diagnose(context)
        finally:
            context.close()

    def opens(self, user: str, group: str) -> bool:
        """Whether OMERO opens a session of this user and group for the login."""
        pool = SessionPool(load({"omero": {"embedded": False}}))
        try:
            pool.get(user, group)
        except StageError:
            return False
        finally:
            pool.close()
        return True

    def faults(self, **options: Any) -> list[str]:
        """What must be fixed. Every finding that is not well says what to do."""
        found = self.diagnose(**options)
        assert all(each.remedy for each in found if each.status in ("warn", "fix"))
        return [f"{each.check}: {each.finding}" for each in found if each.status == "fix"]


@pytest.fixture
def site(tmp_path: Path, facility: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    return Site(tmp_path, facility, monkeypatch)


def test_nothing_to_fix(site: Site) -> None:
    found = site.diagnose()
    assert [each for each in found if each.status == "fix"] == []
    checks = {each.check for each in found}
    assert checks >= {"login", "version", "checksums", "clocks", "rights", "accounts"}
    assert checks >= {"repository", "sources", "space", "locks", "file systems", "umask"}


def test_wrong_password(site: Site) -> None:
    site.log_in("admin", "wrong")
    (fault,) = site.faults()
    assert "wrong user name or password" in fault


def test_no_login_at_all(site: Site, tmp_path: Path) -> None:
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        site.monkeypatch.delenv(name)
    site.monkeypatch.setenv("OMERO_SESSIONDIR", str(tmp_path / "nothing"))
    (fault,) = site.faults()
    assert "there is no login" in fault


def test_no_server(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        site.log_in("admin", "any", free.getsockname()[1])
    found = site.diagnose()
    (fault,) = [each for each in found if each.status == "fix"]
    assert fault.check == "login" and "cannot be reached" in fault.finding
    assert "OMERO_HOST" in fault.remedy
    assert {each.check for each in found} >= {"manifest", "sources", "space", "locks"}


@pytest.mark.parametrize(
    ("login", "user", "group", "reason"),
    [
        ("light", "ben", "read", "an administrator without the Sudo privilege"),
        ("member", "ann", "read", "not an administrator and owns no group"),
        ("owner", "ann", "read", "owns only other groups"),
        ("sudoer", "ben", "private", ""),
        ("owner", "ann", "private", ""),
        ("member", "", "read", ""),
        ("head", "ann", "", ""),
    ],
)
def test_rights(site: Site, login: str, user: str, group: str, reason: str) -> None:
    """As OMERO itself decides when the row's session is opened."""
    site.log_in(login)
    site.rows[0] |= {"user": user, "group": group}
    faults = site.faults()
    if reason:
        (fault,) = faults
        assert fault.startswith("rights: ") and reason in fault
    else:
        assert faults == []
    assert site.opens(user, group) is not bool(reason)


@pytest.mark.parametrize(
    ("user", "group", "cause"),
    [
        ("nobody-here", "", "no user named nobody-here"),
        ("", "no-such-group", "no group named no-such-group"),
        ("member", "private", "member is not in group private"),
    ],
)
def test_accounts(site: Site, user: str, group: str, cause: str) -> None:
    site.rows[0] |= {"user": user, "group": group}
    (fault,) = site.faults()
    assert fault.startswith("accounts: ") and cause in fault


def test_annotations_that_cannot_be_put_on_images(site: Site) -> None:
    pool = SessionPool(load({"omero": {"embedded": False}}))
    tag = omero.model.TagAnnotationI()
    tag.setTextValue(rstring("a tag"))
    number = pool.get("", "read").save([tag])[0].getId().getValue()
    pool.close()
    options: dict[str, Any] = {"import": {"annotations": [number, 10**9]}}

    site.rows[0]["group"] = "read"
    (fault,) = site.faults(**options)
    assert fault == "annotations: there is no annotation 1000000000 that admin can read"
    other = str(write_image(site.folder / "data" / "b.tif"))
    site.rows.append({"fileset": "b", "path": other, "group": "private", "user": "ann"})
    said = f"annotations: annotation {number} is in group read, and is asked for images in private"
    assert said in site.faults(**options)
    site.rows[:] = [{"fileset": "a", "path": "missing"}]  # no row is right: the option says
    assert "1000000000" in "".join(site.faults(**options))


def test_store_in_the_repository(site: Site) -> None:
    store = site.server.repository / "store"
    (fault,) = site.faults(transfer={"store": str(store)})
    assert fault.startswith(f"store: transfer.store: {store} lies in OMERO's managed repository")


def test_group_of_the_defaults(site: Site) -> None:
    site.rows[0]["group"] = "read"
    (fault,) = site.faults(defaults={"group": "typo"})
    assert "no group named typo" in fault


def test_repository_that_is_not_mounted(site: Site) -> None:
    missing = site.folder / "mnt" / "ManagedRepository"
    (fault,) = site.faults(omero={"managed_repository": str(missing)})
    assert fault.startswith("repository: ") and str(missing) in fault
    site.rows[0]["import_transfer"] = "upload"
    assert site.faults(omero={"managed_repository": str(missing)}) == []


def test_another_repository(site: Site, tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig", site.server)
    try:
        rig.add("x", [write_image(tmp_path / "rig" / "x.tif")])
        assert rig.import_all()["x"].status == "ok"
    finally:
        rig.close()
    assert site.faults() == []
    other = tmp_path / "other"
    other.mkdir()
    (fault,) = site.faults(omero={"managed_repository": str(other)})
    assert "empty: perhaps its mount is missing" in fault
    (other / "file").touch()
    (fault,) = site.faults(omero={"managed_repository": str(other)})
    assert f"{other} is another" in fault
    found = site.diagnose(omero={"managed_repository": str(site.server.repository)})
    assert any("newest files and folders are in it" in each.finding for each in found)


def test_sources_at_risk(site: Site) -> None:
    site.image.chmod(0o666)
    (fault,) = site.faults()
    assert fault.startswith("sources: everybody on this machine") and str(site.image) in fault
    site.image.chmod(0o644)
    (fault,) = site.faults(doctor={})  # tests run below /tmp
    assert "temporary storage" in fault and "below /tmp" in fault


def test_hard_links_and_copies_that_cannot_be_made(site: Site) -> None:
    passing = write_image(Path("/dev/shm") / f"doctor-{secrets.token_hex(4)}" / "b.tif")
    small = site.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], check=True)
    try:
        large = site.folder / "data" / "large.tif"
        large.write_bytes(b"x" * 100_000)
        site.rows = [
            {"fileset": "a", "path": str(passing), "import_transfer": "ln"},
            {"fileset": "b", "path": str(large), "transfer": "cp"},
        ]
        faults = site.faults(transfer={"store": str(small / "store")})
    finally:
        subprocess.run(["umount", small], check=True)
        passing.unlink()
        passing.parent.rmdir()
    by_check = {fault.partition(": ")[0]: fault for fault in faults}
    assert "another file system" in by_check["hard links"]
    assert "100 kB to come" in by_check["space"] and str(small) in by_check["space"]
    # Both places are in memory, too: for good, nothing may be there.
    assert set(by_check) == {"hard links", "space", "store", "sources"}


def test_converters_that_cannot_run(site: Site) -> None:
    site.rows[0]["convert"] = "c"
    converter = {"image": "/no/such/tool.sif", "command": "tool {input} {output}/a.tif"}
    store = {"store": str(site.folder / "store")}
    site.monkeypatch.setenv("PATH", "/nowhere")
    (fault,) = site.faults(converters={"c": converter}, convert=store)
    assert fault.startswith("converters: ") and "no container runtime" in fault


def test_umask_that_keeps_everybody_out(site: Site) -> None:
    before = os.umask(0o077)
    try:
        found = site.diagnose()
    finally:
        os.umask(before)
    (mask,) = [each for each in found if each.check == "umask"]
    assert mask.status == "warn" and "0077" in mask.finding and "umask 0002" in mask.remedy


def test_clocks_apart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        time: Callable[[], float] = staticmethod(lambda: time.time() - 300)

    monkeypatch.setattr(server_checks, "time", Clock)
    (fault,) = site.faults()
    assert fault == "clocks: the server's clock is 300 s ahead of this machine's"


def test_broken_manifest_leaves_the_other_findings(site: Site) -> None:
    site.rows = [{"fileset": "a", "pth": "x"}]
    site.log_in("admin", "wrong")
    faults = site.faults()
    assert any(fault.startswith("manifest: ") and "pth" in fault for fault in faults)
    assert any("wrong user name or password" in fault for fault in faults)


def test_wrong_rows_leave_the_right_ones_to_be_looked_at(site: Site) -> None:
    site.rows += [{"fileset": "b", "path": "/no/such/file.tif"}]
    site.rows[0] |= {"user": "nobody-here"}
    faults = site.faults()
    assert any("/no/such/file.tif" in fault and "row 3" in fault for fault in faults)
    assert any("nobody-here" in fault for fault in faults)


def test_manifest_that_is_not_there(site: Site) -> None:
    faults = site.faults(manifest=str(site.folder / "none.csv"))
    assert len(faults) == 1 and "none.csv" in faults[0]


def test_nothing_is_made(site: Site) -> None:
    site.rows[0] |= {"target": "Project:name:New/Dataset:name:New", "tags": "new"}
    site.diagnose(transfer={"store": str(site.folder / "store")})
    assert list((site.folder / "results").iterdir()) == []
    assert not (site.folder / "store").exists()
    rig = Rig(site.folder / "rig", site.server)
    try:
        assert rig.count("select d.id from Dataset d where d.name = 'New'") == 0
    finally:
        rig.close()
