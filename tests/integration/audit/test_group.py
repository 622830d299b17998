"""Audits of a whole group, and by accounts that may not see everything."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
import yaml

from ingest.fileset import StageError
from ingest.omero.fileset_graph import ImportRequest, build_fileset, build_settings
from ingest.omero.repository import open_repository
from tests.integration.audit import breakages as do
from tests.integration.audit.house import House
from tests.integration.ingest_omero.rig import Server, source_file, write_image

USERS = {
    "groups": {"lab": {"permissions": "rwr---"}, "private": {"permissions": "rw----"}},
    "users": {
        "admin": {"groups": ["lab", "private"], "admin": True},
        "head": {"groups": ["lab", "private"], "leads": ["lab", "private"]},
        "ann": {"groups": ["lab", "private"]},
    },
}


@pytest.fixture(scope="module")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("facility")
    (folder / "users.yaml").write_text(yaml.safe_dump(USERS))
    server = Server(folder / "omero", folder / "users.yaml")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def houses(facility: Server, tmp_path_factory: pytest.TempPathFactory) -> list[House]:
    """Two results folders: a row each in group lab, the first also one of Ann's in private."""
    made = []
    for number in (1, 2):
        folder = tmp_path_factory.mktemp("house")
        house = House(folder, facility)
        house.add("one", write_image(folder / "source" / "one" / "a.tif"), group="lab")
        if number == 1:
            house.add(
                "hers", write_image(folder / "source" / "hers" / "a.tif"), user="ann",
                group="private",
            )  # fmt: skip
        house.run()
        made.append(house)
    return made


@pytest.fixture(autouse=True)
def _intact(houses: list[House]) -> Iterator[None]:
    yield
    assert [house.audit() for house in houses] == [set(), set()]


def test_filesets_of_other_results_folders_are_audited_by_omeros_word(houses: list[House]) -> None:
    mine, other = houses
    its = f"Fileset:{other.records['one'].facts['fileset_id']}"
    link, source = other.repository_file("one"), other.source("one")

    assert mine.audit(group="lab") == set()
    assert mine.report()["filesets"] == 2
    with do.flipped(source):
        assert mine.audit() == set()
        assert mine.audit(group="private") == set()
        assert mine.audit(group="lab") == {("digest differs", (its,), str(link))}
    with do.truncated(source):
        assert mine.audit(group="lab") == {("size differs", (its,), str(link))}
    with do.gone(source):
        assert mine.audit(group="lab") == {("dangling link", (its,), str(link))}
    with do.gone(link):
        assert mine.audit(group="lab") == {("missing", (its,), str(link))}
    with do.chmodded(source, 0o666):
        assert mine.audit(group="lab") == {("may be changed by others", (its,), str(link))}
    with do.flipped(mine.source("one")):  # what it knows itself, it knows better
        assert mine.audit(group="lab") == {("digest differs", ("one",), str(mine.source("one")))}


def test_a_group_that_is_not_there(houses: list[House]) -> None:
    with pytest.raises(StageError, match="there is no group nobodys"):
        houses[0].audit(group="nobodys")


def test_an_import_that_nobody_goes_on_with(houses: list[House]) -> None:
    path = write_image(houses[0].folder / "source" / "begun" / "a.tif")
    file = source_file(path, "a.tif")
    request = ImportRequest(str(uuid.uuid4()), (file,), "ln_s", "Murmur3-128")
    context = houses[0].context()
    with context.sessions.using("", "lab") as session:
        repository = open_repository(session, None)
        repository.proxy.importFileset(build_fileset(request), build_settings(request))
        rows = session.rows("select f.id from Fileset f order by f.id desc")
        begun = f"Fileset:{rows[0][0]}"

        assert houses[0].audit(group="lab") == set()
        assert houses[0].report()["in_flight"] == [begun]
    context.close()

    assert houses[0].audit(group="lab") == {("never finished", (begun,), "")}


def test_a_session_that_sees_only_some_asks_as_those_who_imported(
    houses: list[House], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = houses[0]
    facts = json.loads((mine.server.folder / "server.json").read_text())
    monkeypatch.setenv("OMERO_USER", "head")
    monkeypatch.setenv("OMERO_PASSWORD", (mine.server.folder / "secret").read_text().strip())
    address = {"host": facts["host"], "port": facts["port"]}
    monkeypatch.setitem(mine.options, "omero", {"embedded": False, **address})
    stray = mine.repository_file("hers").with_name("stray.tif")
    elsewhere = mine.server.repository / "stray.tif"

    assert mine.audit() == set()
    with do.flipped(mine.source("hers")), do.added(stray), do.added(elsewhere):
        found = mine.audit()

    assert found == {
        ("digest differs", ("hers",), str(mine.source("hers"))),
        ("unknown to OMERO", (), str(stray)),  # elsewhere it cannot tell
    }
