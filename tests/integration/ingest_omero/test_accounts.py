"""Who may import for whom, and what is said to those who may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from ingest.config import load
from ingest.fileset import StageError
from ingest.omero.session import SessionPool
from tests.integration.ingest_omero.rig import Server


@pytest.fixture
def log_in(facility: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    facts = json.loads((facility.folder / "server.json").read_text())
    pools = []

    def pool(user: str) -> SessionPool:
        monkeypatch.delenv("OMERO_SESSION", raising=False)
        monkeypatch.setenv("OMERO_HOST", facts["host"])
        monkeypatch.setenv("OMERO_PORT", str(facts["port"]))
        monkeypatch.setenv("OMERO_USER", user)
        monkeypatch.setenv("OMERO_PASSWORD", (facility.folder / "secret").read_text().strip())
        pools.append(SessionPool(load({"omero": {"embedded": False}})))
        return pools[-1]

    yield pool
    for each in pools:
        each.close()


@pytest.mark.parametrize(
    ("login", "user", "group", "opened"),
    [
        ("admin", "ann", "private", ("ann", "private")),
        ("admin", "ann", "", ("ann", "private")),
        ("admin", "ben", "", ("ben", "read")),
        ("sudoer", "member", "read", ("member", "read")),
        ("owner", "ann", "private", ("ann", "private")),
        ("owner", "ann", "", ("ann", "private")),
        ("owner", "", "read", ("owner", "read")),
        ("ann", "ann", "read", ("ann", "read")),
        ("light", "light", "read", ("light", "read")),
    ],
)
def test_who_may(
    log_in: Callable[[str], SessionPool],
    login: str,
    user: str,
    group: str,
    opened: tuple[str, str],
) -> None:
    pool = log_in(login)
    session = pool.get(user, group)
    assert (session.user, session.group) == opened
    assert pool.get(user, group) is session


@pytest.mark.parametrize(
    ("login", "user", "group", "cause", "remedy"),
    [
        ("admin", "nobody", "", "has no user named nobody", "Correct the row's user"),
        ("admin", "ann", "nowhere", "has no group named nowhere", "Correct the row's group"),
        ("admin", "member", "private", r"not in group private \(but in: read\)", "add the user"),
        ("sudoer", "", "private", "sudoer is not in group private", "add the user to the group"),
        ("admin", "guest", "", "guest is not active", "activate"),
        ("admin", "ann", "user", "user is the group of everybody", "Name another group"),
        ("member", "ann", "read", "member may not import for ann in group read: .* owns no", "own"),
        ("light", "ann", "read", "without the Sudo privilege", "Have it granted"),
        ("owner", "ann", "read", "may not import for ann in group read: .* other groups", "Name"),
        ("owner", "ben", "", "in ben's default group: .* only other groups", "Name a group in"),
    ],
)
def test_who_may_not_is_told_why(
    log_in: Callable[[str], SessionPool],
    login: str,
    user: str,
    group: str,
    cause: str,
    remedy: str,
) -> None:
    with pytest.raises(StageError, match=cause) as error:
        log_in(login).get(user, group)
    assert remedy in error.value.remedy
