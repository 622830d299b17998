"""What `targets` does, in a process of its own that begins when it is told to.

Arguments: the server's folder, the results folder, the manifest's plan. Says "ready" and waits for
a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.config import load
from ingest.context import Context
from ingest.journal import Journal
from ingest.omero.targets import resolve_all


def main(server: str, results: str, plan: str) -> None:
    folder = Path(results)
    folder.mkdir()
    omero = {"embedded": True, "embedded_folder": server}
    context = Context(
        load({"results": results, "omero": omero}), folder, Journal(folder), threads=1
    )
    context.sessions.get()
    print("ready", flush=True)
    sys.stdin.readline()
    resolve_all([Path(plan)], context)
    context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
