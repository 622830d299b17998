"""More of OMERO's command line: moving and giving data, users and groups, as administrators do."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from omero.cli import CLI, NonZeroReturnCode

Omero = Callable[..., str]


@pytest.fixture(scope="module")
def as_user(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`as_user("ada")` gives the command line with that user logged in."""

    def run(*arguments: str) -> str:
        printed = io.StringIO()
        cli = CLI()
        cli.loadplugins()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                cli.invoke(list(arguments), strict=True)
            except NonZeroReturnCode as error:
                pytest.fail(f"{arguments}: {error}: {printed.getvalue()}")
            cli.close()
        return printed.getvalue()

    def as_user(name: str, *options: str) -> Omero:
        run("login", *options, f"{name}@127.0.0.1:{server.facts['port']}")
        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMERO_USERDIR", str(tmp_path_factory.mktemp("home") / "omero"))
        patch.setenv("OMERO_PASSWORD", server.secret)
        yield as_user
        run("logout")


def _last(printed: str) -> str:
    return printed.split()[-1]


def test_data_is_moved_and_given(as_user: Any) -> None:
    omero = as_user("ada", "-g", "demo")
    dataset = _last(omero("obj", "new", "Dataset", "name=on the move"))
    moved = omero("chgrp", "--report", "screening", dataset)
    assert "Included objects" in moved and dataset in moved
    assert "ok" in omero("chgrp", "demo", dataset)
    omero = as_user("importer", "-g", "demo")
    given = omero("chown", "--report", "grace", dataset)
    assert dataset in given
    owner = omero("hql", "-q", "--style", "csv", "select d.details.owner.omeName from Dataset d")
    assert "grace" in owner
    assert "failed" in as_user("santiago", "-g", "screening")("chown", "santiago", dataset)


def test_administrators_make_users_and_groups(as_user: Any) -> None:
    omero = as_user("importer")
    assert "Added group" in omero("group", "add", "optics", "--type", "read-write")
    assert "Added user" in omero(
        "user", "add", "chien", "Chien-Shiung", "Wu", "optics", "-P", "unused"
    )
    assert "chien" in omero("user", "list")
    omero("user", "joingroup", "--name", "chien", "--group-name", "demo")
    assert "demo" in omero("user", "listgroups", "chien")
    omero("user", "leavegroup", "--name", "chien", "--group-name", "demo")
    omero("group", "adduser", "--name", "optics", "--user-name", "ada")
    omero("group", "perms", "--name", "optics", "--type", "read-only")
    assert "rwr---" in omero("group", "list")
    assert "optics" in omero("group", "info", "optics")
    assert "Wu" in omero("user", "info", "--user-name", "chien")


def test_an_administrator_works_as_another(as_user: Any) -> None:
    omero = as_user("grace", "--sudo", "importer", "-g", "demo")
    assert "grace" in omero("sessions", "who")
    tag = _last(omero("tag", "create", "--name", "by proxy", "--desc", ""))
    hql = (
        f"select t.details.owner.omeName from TagAnnotation t where t.id = {tag.partition(':')[2]}"
    )
    assert "grace" in omero("hql", "-q", "--style", "csv", hql)


def test_annotations_and_searches(as_user: Any) -> None:
    omero = as_user("ada", "-g", "demo")
    dataset = _last(omero("obj", "new", "Dataset", "name=annotated"))
    made = _last(omero("obj", "new", "MapAnnotation", "ns=test"))
    omero("obj", "map-set", made, "mapValue", "stain", "DAPI")
    assert "DAPI" in omero("obj", "map-get", made, "mapValue", "stain")
    omero("obj", "new", "DatasetAnnotationLink", f"parent={dataset}", f"child={made}")
    assert "annotated" in omero("obj", "get", dataset, "name")
