"""A fileset, its store, and what is to be there when it has landed."""

import stat
from pathlib import Path

from ingest.context import Context
from ingest.fileset import Fileset, Record
from ingest.stages import checksum
from ingest.stages.transfer import STAGE

NAMES = ("b.tif", "c d.tif", "sub/e.tif")


class World:
    """A fileset of three files, its checksum record, and the store."""

    def __init__(self, root: Path, context: Context, record: Record) -> None:
        self.context = context
        self.folder = root / "data"
        self.store = root / "store" / "a"
        self.upstream = checksum.STAGE.run(Fileset("a", 2, str(self.folder)), record, context)

    def row(self, mode: str) -> Fileset:
        return Fileset("a", 2, str(self.folder), transfer=mode)

    def run(self, mode: str) -> Record:
        return STAGE.run(self.row(mode), self.upstream, self.context)

    def stored(self) -> list[str]:
        paths = (path for path in self.store.rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.store).as_posix() for path in paths)

    def sources(self) -> list[str]:
        paths = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)


def check_landed(world: World, mode: str, record: Record) -> None:
    assert (record.status, record.stage, record.fileset) == ("ok", "transfer", "a")
    assert world.stored() == sorted(NAMES)
    assert dict(record.facts) == dict(world.upstream.facts)
    assert [file.name for file in record.files] == list(NAMES)
    for before, after in zip(world.upstream.files, record.files, strict=True):
        stored = Path(after.path)
        assert stored == world.store / after.name
        assert stored.read_text() == Path(after.name).name
        found = stored.stat()
        assert (after.size, after.mtime_ns, after.inode) == (
            found.st_size,
            found.st_mtime_ns,
            found.st_ino,
        )
        assert (after.source, after.digests) == (before.source, before.digests)
        assert found.st_mtime_ns == before.mtime_ns
        assert stored.is_symlink() == (mode == "ln_s")
        assert (found.st_ino == before.inode) == (mode != "cp")
        assert bool(found.st_mode & stat.S_IWUSR) == (mode != "cp")
    assert world.sources() == ([] if mode == "mv" else sorted(NAMES))
    assert STAGE.still_holds(world.row(mode), record, world.context)
