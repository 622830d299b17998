"""A registry that serves what podman saved, over plain HTTP and to this machine alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.fixtures.containers import call


class Registry:
    """`tags` maps a tag of the one repository, test/image, to the digest of its manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tags: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.address = ""

    def push(self, image: str, tag: str) -> str:
        """Serves an image that podman has under a tag; its manifest's digest."""
        layout = self.folder / f"{tag}-{len(self.blobs)}"
        call("podman", "save", "--quiet", "--format", "oci-dir", "--output", str(layout), image)
        for blob in (layout / "blobs/sha256").iterdir():
            self.blobs[f"sha256:{blob.name}"] = blob.read_bytes()
        (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
        self.tags[tag] = entry["digest"]
        return str(entry["digest"])

    def content(self, path: str) -> tuple[bytes, str] | None:
        """What a request for `path` is answered with, and its media type."""
        kind, _, reference = path.removeprefix("/v2/test/image/").partition("/")
        digest = self.tags.get(reference, reference)
        if path == "/v2/":
            return b"{}", "application/json"
        if kind not in ("manifests", "blobs") or digest not in self.blobs:
            return None
        content = self.blobs[digest]
        media = "application/octet-stream"
        if kind == "manifests":
            media = json.loads(content).get(
                "mediaType", "application/vnd.oci.image.manifest.v1+json"
            )
        return content, media


@contextmanager
def serving(folder: Path) -> Iterator[Registry]:
    registry = Registry(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = registry.content(self.path)
            if found is None:
                self.send_error(404)
                return
            content, media = found
            self.send_response(200)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            digest = hashlib.sha256(content).hexdigest()
            self.send_header("Docker-Content-Digest", f"sha256:{digest}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.address = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
