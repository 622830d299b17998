"""The store's folder: its owner, its secret, its users."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omero_embedded.folder import StoreFolder, StoreInUse
from omero_embedded.store import Store
from omero_embedded.users import DEFAULT_USERS, BadUsersFile, load_users


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path / "store")
    owner = folder.lock()
    folder.announce({"port": 1, "pid": os.getpid()})
    assert folder.announced() == {"port": 1, "pid": os.getpid()}
    with pytest.raises(StoreInUse, match=r"process \d+"):
        folder.lock()
    owner.close()
    assert folder.announced() is None
    folder.lock().close()


def test_what_a_killed_server_announced_is_not_believed(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path)
    folder.announce({"port": 1, "pid": 1})
    with folder.lock():
        assert folder.announced() is None


def test_the_secret_and_the_uuid_stay(tmp_path: Path) -> None:
    first = StoreFolder(tmp_path)
    secret, uuid = first.secret(), first.uuid()
    again = StoreFolder(tmp_path)
    assert (again.secret(), again.uuid()) == (secret, uuid)
    assert len(secret) >= 32
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_the_default_users(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    load_users(store, DEFAULT_USERS)
    load_users(store, DEFAULT_USERS)
    ada, demo = store.actor("ada"), store.actor("root", "demo").group_id
    assert ada.group_id == demo
    assert demo in ada.leader_of
    assert store.actor("importer").is_admin
    store.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: {eve: {first: E}}", "eve is in no group"),
        ("users: {eve: {groups: [g], pasword: x}}", "pasword"),
        ("groups: [a, b]", "must map names"),
        ("[]", "must map names"),
        ("users: {eve: [g]}", "users.eve must map names"),
        ("users: {eve: {groups: [g], leads: [h]}}", "eve leads h"),
        ("users: [", "users.yaml"),
    ],
)
def test_a_bad_users_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(text)
    store = Store.open(tmp_path)
    with pytest.raises(BadUsersFile, match=message):
        load_users(store, path)
    store.close()
