"""Many sessions at once: each sees its own, nothing is mixed up or lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import omero
import omero.grid

from tests.integration.embedded import protocol as speak

SESSIONS = 12
USERS = ("ada", "grace", "santiago", "importer")


def test_many_sessions_import_at_once(server: Any, tmp_path: Path) -> None:
    admin = server.connect("importer")
    service = admin.sf.getSessionService()

    def work(number: int) -> tuple[str, int]:
        user = USERS[number % len(USERS)]
        principal = omero.sys.Principal(user, "", "User", None)
        key = service.createSessionWithTimeouts(principal, 0, 60_000).uuid.val
        client = server.connect(key, key)
        try:
            path = tmp_path / f"{number}.fake"
            path.write_bytes(b"")
            target = speak.dataset(client, f"parallel {number}")
            fileset_id, response = speak.import_files(
                client, [path], reader="loci.formats.in.FakeReader", userSpecifiedTarget=target
            )
            assert isinstance(response, omero.grid.ImportResponse)
            context = client.sf.getAdminService().getEventContext()
            assert context.userName == user
        finally:
            client.killSession()
        return user, fileset_id

    with ThreadPoolExecutor(SESSIONS) as threads:
        done = list(threads.map(work, range(SESSIONS)))
    for number, (user, fileset_id) in enumerate(done):
        hql = (
            "select i.name, i.details.owner.omeName, l.parent.name from DatasetImageLink l"
            " join l.child i where i.fileset.id = :id"
        )
        found = speak.rows(admin, hql, id=fileset_id)
        assert found == [[f"{number}.fake", user, f"parallel {number}"]]
    still_open = "select count(s) from Session s where s.closed is null and s.sudoer.id is not null"
    assert speak.rows(admin, still_open) == [[0]]
    admin.closeSession()
