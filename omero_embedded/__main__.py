"""The embedded OMERO server's command line: `serve` a folder, or `exec` a command beside it."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from pathlib import Path

from omero_embedded.folder import StoreFolder, StoreInUse
from omero_embedded.users import BadUsersFile


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "serve":
            return _serve(options)
        from omero_embedded.companion import run_beside

        return run_beside(options.store, options.users, options.argv)
    except (StoreInUse, BadUsersFile) as error:
        print(f"omero_embedded: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m omero_embedded",
        description="A small OMERO server for rehearsals, demos and tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the server until it is stopped")
    execute = commands.add_parser("exec", help="run one command while the server is up")
    for command in (serve, execute):
        command.add_argument(
            "--store", type=Path, required=True, help="the server's folder, created if missing"
        )
        command.add_argument("--users", type=Path, help="YAML file with users and groups")
    serve.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when the process that started it ends",
    )
    execute.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    return parser


def _serve(options: argparse.Namespace) -> int:
    from omero_embedded.server import Server

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = Server(StoreFolder(options.store), options.users)
    if options.until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(ended,), daemon=True).start()
    # All of Ice, OMERO's model and the database's tables stays: not to be searched for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    server.start()
    print(
        f"Embedded OMERO server on {server.facts['host']}:{server.facts['port']}:"
        " for rehearsals, demos and tests, not for data that matters.",
        flush=True,
    )
    ended.wait()
    server.stop()
    return 0


def _watch_stdin(ended: threading.Event) -> None:
    # The pipe's other end closes with its last owner, however that one died.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    ended.set()


if __name__ == "__main__":
    sys.exit(main())
