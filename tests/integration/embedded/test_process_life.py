"""The server's process: who owns a store, and what a killed one leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import omero

from tests.fixtures.waiting import wait_until
from tests.integration.embedded import protocol as speak

PARENT = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-m", "omero_embedded", "serve", "--store", sys.argv[1],
     "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_what_was_imported_survives_a_kill(tmp_path: Path, cells: Path) -> None:
    server = speak.Rehearsal(tmp_path / "store")
    server.start()
    ada = server.connect()
    session_id = ada.sf.getAdminService().getEventContext().sessionId
    _fileset, response = speak.import_files(ada, [cells])
    image_id = response.objects[0].id.val
    interrupted = speak.begin(ada, [cells])
    secret = server.secret
    server.kill()
    ada.__del__()

    server.start()
    assert server.secret == secret
    ada = server.connect()
    assert speak.rows(ada, "select i.name from Image i where i.id = :id", id=image_id)
    [[closed]] = speak.rows(ada, "select s.closed from Session s where s.id = :id", id=session_id)
    assert closed is not None
    without = "select f.id from Fileset f where f.images is empty"
    assert len(speak.rows(ada, without)) == 1
    del interrupted
    thumbnails = ada.sf.createThumbnailStore()
    pixels = speak.rows(ada, "select p.id from Pixels p where p.image.id = :id", id=image_id)
    thumbnails.setPixelsId(pixels[0][0])
    assert thumbnails.getThumbnailByLongestSide(omero.rtypes.rint(96))[:2] == b"\xff\xd8"
    ada.closeSession()

    second = subprocess.run(
        [sys.executable, "-m", "omero_embedded", "serve", "--store", str(server.folder)],
        env={**os.environ, "PYTHONPATH": str(speak.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"process {server.facts['pid']}" in second.stderr
    assert server.stop() == 0
    assert not (server.folder / "server.json").exists()


def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "store")],
        env={**os.environ, "PYTHONPATH": str(speak.ROOT)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not _is_alive(pid), "the server's end")


def test_a_command_runs_beside_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    serve_python = [sys.executable, "-m", "omero_embedded"]
    script = (
        "import json, os, omero.clients\n"
        "client = omero.client(os.environ['OMERO_HOST'], int(os.environ['OMERO_PORT']))\n"
        "client.createSession(os.environ['OMERO_USER'], os.environ['OMERO_PASSWORD'])\n"
        "print(json.dumps(client.sf.getAdminService().getEventContext().userName))\n"
        "client.closeSession()\n"
        "raise SystemExit(7)\n"
    )
    done = subprocess.run(
        [*serve_python, "exec", "--store", str(store), "--", sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(speak.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert json.loads(done.stdout) == "importer"
    assert not (store / "server.json").exists()
