"""The columns that a manifest may have; docs/manifest.md is their reference."""

REQUIRED = ("fileset", "path")
COLUMNS = (
    *REQUIRED,
    "files",
    "target",
    "user",
    "group",
    "name",
    "description",
    "transfer",
    "import_transfer",
    "convert",
    "checksum",
    "checksums",
    "tags",
    "checksum_algorithm",
    "thumbnails",
    "minmax",
    "pixel_size",
    "annotations",
    "comment",
    "exclude",
)
KEY_VALUE = "kv."
COMMENT = "comment."
# Columns of a name of one's own, by what they begin with: an example of the rest.
FAMILIES = {KEY_VALUE: "organism", COMMENT: "lab.example/quality"}
