"""The repository: there, the server's, shared as OMERO's documentation on in-place import asks."""

from __future__ import annotations

from pathlib import Path

from ingest.doctor import repository
from ingest.doctor.people import Account, ourselves
from ingest.doctor.repository import Known
from tests.unit.ingest.doctor.places import (
    OMERO,
    STRANGER,
    US,
    as_account,
    faults,
    folder,
    statuses,
)

IMPORTER = Account(US, frozenset({US}))


def test_missing_repository(tmp_path: Path) -> None:
    missing = tmp_path / "ManagedRepository"
    (fault,) = faults(repository.mounted(missing, Path("/OMERO/ManagedRepository")))
    assert str(missing) in fault and "not there" in fault


def test_repository_in_a_closed_folder(shared: Path) -> None:
    inside = folder(folder(shared / "closed", mode=0o700) / "repository")
    (fault,) = faults(as_account(lambda: repository.mounted(inside, inside)))
    assert "may not be looked at" in fault


def test_repository_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "repository").write_text("")
    (fault,) = faults(repository.mounted(tmp_path / "repository", tmp_path))
    assert "is not a folder" in fault


def _with_id(place: Path, database: str, uuid: str) -> Path:
    """As OMERO.server keeps it: Java's writeUTF."""
    kept = place / ".omero" / "repository" / database
    kept.mkdir(parents=True)
    (kept / "repo_uuid").write_bytes(len(uuid).to_bytes(2, "big") + uuid.encode())
    return place


def test_repository_with_the_servers_id(tmp_path: Path) -> None:
    place = _with_id(tmp_path, "db", "1234-abcd")
    found = list(repository.is_the_servers(place, Known("1234-abcd", "db", ())))
    assert statuses(found) == {"ok"}


def test_repository_with_another_id(tmp_path: Path) -> None:
    place = _with_id(tmp_path, "db", "ffff-0000")
    (fault,) = faults(repository.is_the_servers(place, Known("1234-abcd", "db", ())))
    assert "ffff-0000" in fault and "1234-abcd" in fault


def test_repository_of_another_database(tmp_path: Path) -> None:
    place = _with_id(tmp_path, "another", "1234-abcd")
    (fault,) = faults(repository.is_the_servers(place, Known("1234-abcd", "db", ())))
    assert "another OMERO database" in fault


def test_repository_without_what_omero_knows(tmp_path: Path) -> None:
    known = Known("1", "db", (("ada_2/2024-01/a.tif", 5),))
    (empty,) = faults(repository.is_the_servers(tmp_path, known))
    assert "mount is missing" in empty
    (tmp_path / "something").write_text("else")
    (other,) = faults(repository.is_the_servers(tmp_path, known))
    assert "another" in other and "ada_2/2024-01/a.tif" in other


def test_repository_with_what_omero_knows(tmp_path: Path) -> None:
    (tmp_path / "ada_2").mkdir()
    (tmp_path / "ada_2" / "link.tif").symlink_to("/gone/away.tif")
    known = Known("1", "db", (("ada_2/link.tif", 5), ("ada_2", -1)))
    assert statuses(repository.is_the_servers(tmp_path, known)) == {"ok"}


def test_same_name_with_another_size_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("123456")
    assert faults(repository.is_the_servers(tmp_path, Known("1", "db", (("a.log", 5),))))


def test_repository_that_may_not_be_written_to(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, OMERO, 0o755)
    (fault,) = faults(as_account(lambda: repository.writable(place, IMPORTER)))
    assert f"may not write to {place}" in fault


def test_repository_that_is_mounted_read_only(read_only: Path) -> None:
    found = list(repository.writable(read_only, ourselves()))
    assert faults(found) == [f"{read_only} is mounted read-only"]
    assert "rw" in found[0].remedy and "chgrp" not in found[0].remedy


def test_repository_of_a_group_that_is_not_ours(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, STRANGER, 0o2775)
    (fault,) = faults(as_account(lambda: repository.shared_by_group(place, IMPORTER)))
    assert f"its group is {STRANGER}" in fault and "not a member" in fault


def test_repository_without_setgid(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, US, 0o775)
    found = as_account(lambda: repository.shared_by_group(place, IMPORTER))
    (fault,) = faults(found)
    assert "setgid" in fault
    assert any("chmod g+rws" in each.remedy for each in found)


def test_repository_as_the_documentation_asks(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, US, 0o2775)
    checks = (repository.writable, repository.shared_by_group)
    for check in checks:
        assert statuses(as_account(lambda check=check: check(place, IMPORTER))) == {"ok"}


def test_owner_needs_no_group(shared: Path) -> None:
    place = folder(shared / "repository", US, STRANGER, 0o755)
    assert statuses(as_account(lambda: repository.shared_by_group(place, IMPORTER))) == {"ok"}


def test_root_is_told_that_it_proves_nothing(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, OMERO, 0o755)
    (found,) = repository.shared_by_group(place, Account(0, frozenset({0})))
    assert found.status == "warn" and "setgid" in found.finding and found.remedy


def test_servers_umask_shows_in_its_newest_import(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, US, 0o2775)
    above = folder(place / "ada_2", OMERO, US, 0o2775)
    newest = folder(above / "2024-01", OMERO, US, 0o2755)
    folders = repository.import_folders(place)
    assert folders == [above, newest]
    found = as_account(lambda: repository.newest_import(folders, IMPORTER))
    (fault,) = faults(found)
    assert str(newest) in fault and any("UMask=0002" in each.remedy for each in found)


def test_newest_import_of_another_group(shared: Path) -> None:
    place = folder(shared / "repository", OMERO, US, 0o2775)
    folder(place / "ada_2", OMERO, OMERO, 0o775)
    found = as_account(lambda: repository.newest_import(repository.import_folders(place), IMPORTER))
    assert faults(found) and any("chgrp" in each.remedy for each in found)


def test_repository_without_imports(tmp_path: Path) -> None:
    assert statuses(repository.newest_import(repository.import_folders(tmp_path), IMPORTER)) == {
        "note"
    }
