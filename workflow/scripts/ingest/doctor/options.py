"""Options of `snakemake doctor`."""

from __future__ import annotations

from pydantic import Field

from ingest.config_types import Section


class Doctor(Section):
    """`snakemake doctor`: checks before a run, without changing anything (docs/before-a-run.md)."""

    temporary: tuple[str, ...] = Field(
        default=("/tmp", "/var/tmp", "/dev/shm", "/run", "*scratch*"),
        description="What counts as temporary storage: paths of folders, or globs for a folder's "
        "name. In-memory file systems always count.",
    )
