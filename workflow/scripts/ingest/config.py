"""Every option: its name, type, default and meaning. The only place that knows them.

`load` turns what Snakemake read into a `Config`; `python -m ingest.config` writes the commented
config/config.yaml and config/schema.json from the same models (see config_files.py).
Relative paths are relative to the folder Snakemake runs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from ingest.audit.options import Audit
from ingest.config_errors import ConfigError, bad_option, describe
from ingest.config_types import (
    AnnotationId,
    BatchSize,
    Count,
    FilePath,
    ImportTransfer,
    Number,
    PixelSize,
    Port,
    ResultsFolder,
    Section,
    TargetText,
    Wait,
)
from ingest.config_values import value_problems
from ingest.conversion.options import Converter, ConverterName, parse_request
from ingest.doctor.options import Doctor
from ingest.drop.options import Trees
from ingest.fileset import BadText
from ingest.import_options import ChecksumAlgorithm, Exclusion
from ingest.ledger.options import LedgerOptions
from ingest.metadata.options import Metadata
from ingest.notify import Notify
from ingest.omero.target_grammar import LONGEST_NAME
from ingest.orders.options import Orders
from ingest.undo.options import Relink, Rollback
from ingest.watch.options import Watch

__all__ = ["Config", "ConfigError", "load"]

Transfer = Literal["none", "ln", "cp", "ln_s", "mv"]


class Defaults(Section):
    """Values for empty cells of the manifest and for columns that it does not have."""

    target: TargetText = Field(
        default="",
        description="Where images go in OMERO, like Dataset:name:Incoming, "
        "Project:name:P/Dataset:name:D or Screen:name:S. Empty: they are orphaned.",
    )
    user: str = Field(
        default="", description="OMERO user who will own the images. Empty: the user who logs in."
    )
    group: str = Field(
        default="", description="OMERO group of the images. Empty: the user's default group."
    )
    name: str = Field(
        default="",
        description="Name of the images. Empty: OMERO uses the file's name.",
        max_length=LONGEST_NAME,
    )
    description: str = Field(default="", description="Description of the images.")
    transfer: Transfer = Field(
        default="none",
        description="How files get into transfer.store: ln (hard link), cp (copy), ln_s "
        "(symbolic link), mv (link or copy, verify, remove the source), or none if they are "
        "already where they will stay.",
    )
    import_transfer: ImportTransfer = Field(
        default="ln_s",
        description="How files get into OMERO's managed repository: ln_s (symbolic link), ln "
        "(hard link; same file system only), cp (copy), upload (over the network); ln_rm, cp_rm, "
        "upload_rm, which remove a fileset's sources once it is imported and verified; or "
        "module:function, your own (docs/manifest.md).",
    )
    convert: str = Field(
        default="",
        description="Converter for rows that name none, like ometiff or ometiff?series=1.",
    )
    tags: tuple[str, ...] = Field(default=(), description="Tags for images and plates.")


class Checksum(Section):
    """Digests that are computed before the import and compared with the manifest's and the
    server's."""

    algorithm: ChecksumAlgorithm = Field(
        default="Murmur3-128",
        description="The algorithm used to compare files with the server's. Murmur3-128 is about "
        "4.6 times cheaper than SHA1-160; File-Size-64 compares no content at all; auto asks the "
        "server: Murmur3-128 if it offers that, otherwise the one it prefers. With any value but "
        "auto, checksum jobs need no login.",
    )
    archive: Literal["BLAKE3", "none"] = Field(
        default="BLAKE3", description="A second digest from the same read, for your archive."
    )


class TransferOptions(Section):
    """The permanent store, for the files of rows with a transfer other than none."""

    store: FilePath | None = Field(
        default=None,
        description="Folder that will hold <fileset>/<file> permanently. null: rows can only use "
        "the transfer none.",
    )
    protect: bool = Field(
        default=False,
        description="Remove write permission from the files that OMERO relies on: those in the "
        "store, hard links and their sources, and sources that stay where they are. Copies and "
        "converted files are read-only in any case.",
    )


class Convert(Section):
    """What happens to the files that a converter makes (see converters, and docs/conversion.md)."""

    store: FilePath | None = Field(
        default=None,
        description="Folder that will hold <fileset>/converted/ permanently: OMERO links to it. "
        "null: transfer.store.",
    )
    scratch: FilePath | None = Field(
        default=None,
        description="Folder on a fast disk that converters write to first. null: in the store.",
    )
    keep_original: Literal["archive", "reference", "none"] = Field(
        default="reference",
        description="How the raw files, which are never removed, are kept track of. archive: by "
        "a verified copy in <fileset>/original/. reference: by their paths and digests on the "
        "images. none: only in the record.",
    )
    stage_then_redirect: bool = Field(
        default=False,
        description="Import from convert.scratch, then copy to the store and point the links in "
        "OMERO's repository there. Both must be mounted where the server runs.",
    )
    read_limit: PositiveFloat = Field(
        default=3600,
        description="Seconds that Bio-Formats may take to open a row's file, and to say which "
        "others belong to it; then the row fails.",
    )

    @model_validator(mode="after")
    def _stages_somewhere(self) -> Convert:
        if self.stage_then_redirect and self.scratch is None:
            raise bad_option(
                "stage_then_redirect has no convert.scratch to import from",
                "Set convert.scratch, or write stage_then_redirect: false.",
            )
        return self


class Omero(Section):
    """The OMERO server. Never write user and password here: they come from OMERO_USER and
    OMERO_PASSWORD, from OMERO_SESSION, or from an `omero login`."""

    embedded: bool = Field(
        default=True,
        description="Start the embedded server, for rehearsals and the demo. false: import into "
        "your own OMERO.server.",
    )
    embedded_folder: FilePath = Field(
        default=Path("omero-embedded"),
        description="Folder of the embedded server's database and repository.",
    )
    embedded_users: FilePath | None = Field(
        default=None,
        description="YAML file with the embedded server's users and groups. null: "
        "omero_embedded/users.yaml.",
    )
    host: str | None = Field(
        default=None,
        description="Your server's name, for an encrypted connection (SSL). Unencrypted: "
        "tcp://NAME; WebSockets: wss://NAME/PATH or ws://NAME/PATH. null: from OMERO_HOST.",
    )
    port: Port | None = Field(
        default=None,
        description="The server's port. null: from OMERO_PORT, or else 4064 (tcp:// 4063, wss:// "
        "443, ws:// 80).",
    )
    secure: bool = Field(
        default=True,
        description="true: encrypt everything. false: encrypt only the login, if the server "
        "allows it (SSL).",
    )
    managed_repository: FilePath | None = Field(
        default=None,
        description="Where this machine mounts OMERO's managed repository. null: at the same "
        "path as on the server.",
    )


class Import(Section):
    """The import itself."""

    thumbnails: bool = Field(
        default=True, description="Let the server make thumbnails during the import."
    )
    minmax: bool = Field(
        default=True, description="Let the server compute each channel's minimum and maximum."
    )
    pixel_size: PixelSize = Field(
        default="",
        description="Size of a pixel in micrometres, for files that do not say: 0.65x0.65x2, or "
        "one number for x, y and z.",
    )
    annotations: tuple[AnnotationId, ...] = Field(
        default=(), description="Ids of annotations in OMERO to link to every image."
    )
    exclude: tuple[Exclusion, ...] = Field(
        default=(),
        description="Skip what is already in OMERO, whoever imported it: clientpath (found by "
        "its path), filename (found by its files' names and checksums).",
    )
    parallel_filesets: Count = Field(
        default=4, le=1000, description="How many filesets a job imports at once."
    )
    parallel_files: Count = Field(
        default=32,
        le=10_000,
        description="How many files of a fileset are handled at once: of links, portions of up to "
        "32 files; of files that are copied or uploaded, at most 4.",
    )
    transfer_folder: FilePath | None = Field(
        default=None,
        description="Folder with the Python modules for import_transfer module:function. null: "
        "wherever Python finds modules.",
    )
    wait: Wait = Field(
        default=240,
        description="How long to wait for the server to finish a fileset after its transfer: a "
        "number of minutes, forever, or no. After that the server goes on by itself, and the next "
        "run picks up the result.",
    )
    retry_seconds: Number = Field(
        default=300,
        le=10_000_000,
        description="How long to keep retrying a fileset, with longer and longer pauses, after "
        "the connection to OMERO was lost or OMERO was too busy. Each attempt begins by asking "
        "OMERO how far the last one got.",
    )


class Annotate(Section):
    """What is attached to each image (or plate) of a fileset."""

    namespace_prefix: str = Field(
        default="omero-ingest",
        min_length=1,
        description="Beginning of our annotations' namespaces; do not change it once it is in use.",
    )
    key_values: bool = Field(
        default=True, description="Attach the manifest's kv.<key> columns as key-value pairs."
    )
    tags: bool = Field(
        default=True, description="Attach the manifest's tags; existing tags are reused."
    )
    source_link: bool = Field(
        default=True,
        description="Attach where the files came from: host, path, digest, manifest row.",
    )


class Report(Section):
    """results/report.html."""

    title: str = Field(default="OMERO ingest", description="Title of the page.")
    thumbnails: Number = Field(
        default=200, le=100_000, description="Largest number of thumbnails on the page."
    )


_CONVERTERS = """\
converters:
  ometiff:
    image: images/ometiff.sif
    contract: biomero
  bfconvert:
    image: docker://example.org/bioformats:8.1
    command: bfconvert -series {series} {input} {output}/{stem}.ome.tiff
    parameters: {series: '0'}
    cpus: 2
    memory_mb: 4000
    time_limit_minutes: 60"""

_DROP = """\
drop:
  dropbox:
    root: /data/DropBox
    target: Dataset:name:Incoming
    settle: 60
    users:
      ada: {target: 'Project:name:P/Dataset:name:D', group: lab}"""


class Config(Section):
    """Configuration of the OMERO ingest workflow."""

    manifest: FilePath = Field(
        default=Path("config/manifest.csv"),
        description="The table of filesets, one row each: docs/manifest.md lists its columns.",
    )
    results: ResultsFolder = Field(
        default=Path("results"), description="Folder for plan, records, journal, tables and report."
    )
    invalid_rows: Literal["refuse", "skip"] = Field(
        default="refuse",
        description="refuse: do nothing as long as a row of the manifest is invalid. skip: "
        "report invalid rows as impossible and go on with the others.",
    )
    batch_size: BatchSize = Field(
        default="auto",
        description="Filesets per job. auto: one; with more than 1,000 filesets, up to 250 small "
        "ones, or as many as it takes to stay within 1,000 batches.",
    )
    allowed_roots: tuple[FilePath, ...] = Field(
        default=(),
        description="Rows may only name files below these folders (symbolic links resolved). "
        "Empty: anywhere.",
    )
    defaults: Defaults = Defaults()
    checksum: Checksum = Checksum()
    transfer: TransferOptions = TransferOptions()
    convert: Convert = Convert()
    converters: dict[ConverterName, Converter] = Field(
        default={},
        description="Programs that turn raw files into something OMERO can read; a row's "
        "`convert` cell names one. docs/conversion.md lists their options.",
        examples=[_CONVERTERS],
    )
    omero: Omero = Omero()
    importing: Import = Field(default=Import(), alias="import")
    annotate: Annotate = Annotate()
    metadata: Metadata = Metadata()
    report: Report = Report()
    drop: Trees = Field(
        default={},
        description="Drop folders, which are scanned for new filesets, under names of your "
        "choice. docs/drop-folders.md lists their options.",
        examples=[_DROP],
    )
    watch: Watch = Watch()
    orders: Orders = Orders()
    notify: Notify = Notify()
    ledger: LedgerOptions = LedgerOptions()
    doctor: Doctor = Doctor()
    audit: Audit = Audit()
    relink: Relink = Relink()
    rollback: Rollback = Rollback()

    @model_validator(mode="after")
    def _transfer_has_a_store(self) -> Config:
        if self.defaults.transfer != "none" and self.transfer.store is None:
            raise bad_option(
                f"defaults.transfer is {self.defaults.transfer}, but there is no transfer.store",
                "Set transfer.store to the folder that will hold the files, or write "
                "defaults.transfer: none.",
            )
        return self

    @model_validator(mode="after")
    def _orders_converters_are_there(self) -> Config:
        for container, name in self.orders.converters.items():
            if name not in self.converters:
                raise bad_option(
                    f"orders.converters gives {container} the converter {name}, which does not "
                    "exist",
                    "Describe it under `converters`.",
                )
        return self

    @model_validator(mode="after")
    def _converter_is_there(self) -> Config:
        if self.defaults.convert:
            try:
                parse_request(self.defaults.convert, self.converters)
            except BadText as error:
                raise bad_option(
                    f"defaults.convert is refused: {error.problem.cause}", error.problem.remedy
                ) from None
            if self.convert.store is None and self.transfer.store is None:
                raise bad_option(
                    "defaults.convert names a converter, but there is no store for what it makes",
                    "Set convert.store (or transfer.store).",
                )
        return self


def load(options: Mapping[str, Any]) -> Config:
    """The configuration that `options` (as read from YAML) describe.

    Raises ConfigError with every problem of every option.
    """
    impossible = list(value_problems(options))
    try:
        config = Config.model_validate(dict(options))
    except ValidationError as error:
        problems = describe(error, Config)
        named = {problem.partition(":")[0] for problem in problems}
        problems += [each for each in impossible if each.partition(":")[0] not in named]
        raise ConfigError(problems) from None
    if impossible:
        raise ConfigError(impossible)
    return config


if __name__ == "__main__":
    from ingest.config_files import write_files

    write_files(Path("config"))
