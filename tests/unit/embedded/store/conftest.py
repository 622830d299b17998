from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from omero_embedded.store import Actor, Store
from omero_embedded.store.database import FILE_NAME


@pytest.fixture(scope="session")
def empty_store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two groups: `lab` (rwr---) of ann and ben, `own` (rw----) of ann, led by zoe,
    who is in both."""
    folder = tmp_path_factory.mktemp("store")
    store = Store.open(folder)
    store.ensure_group("lab", "rwr---")
    store.ensure_group("own", "rw----")
    store.ensure_user("ann", "Ann", "A", ("lab", "own"))
    store.ensure_user("ben", "Ben", "B", ("lab",))
    store.ensure_user("zoe", "Zoe", "Z", ("lab", "own"), leads=("lab", "own"))
    store.close()
    return folder


@pytest.fixture
def store(empty_store_folder: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(empty_store_folder / FILE_NAME, tmp_path / FILE_NAME)
    store = Store.open(tmp_path)
    yield store
    store.close()


@pytest.fixture
def ann(store: Store) -> Actor:
    return store.actor("ann")


@pytest.fixture
def ben(store: Store) -> Actor:
    return store.actor("ben")


@pytest.fixture
def root(store: Store) -> Actor:
    return store.actor("root")
