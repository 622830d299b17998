"""What counts as a converter's memory."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

from ingest.conversion.process import resident

SIZE = 60_000_000
HOLD = f"x = b'a' * {SIZE}; print(flush=True); input()"


def test_what_bears_a_conversions_name_counts_though_it_is_no_child_of_it() -> None:
    name = f"omero-ingest-{uuid4().hex}"
    with (
        subprocess.Popen(["sleep", "60"], start_new_session=True) as client,
        subprocess.Popen(
            [sys.executable, "-c", HOLD, "--name", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as container,
    ):
        assert container.stdout is not None
        container.stdout.readline()
        alone = resident(client.pid)
        assert resident(client.pid, name) > alone + SIZE
        assert resident(client.pid, name[:-1]) < alone + SIZE
        client.kill()
        container.kill()
