"""Kinds of file systems, and what each means for locks, links and copies.

Sources: mount.lustre(8) for its locks; BeeGFS's release notes 7.4.0 for its hard links; link(2),
nfs(5), mount.cifs(8), ioctl_ficlone(2), and the kernel's documentation of overlayfs and tmpfs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.doctor.findings import Status
from ingest.doctor.mounts import Mount

RESULTS, REPOSITORY = "results", "repository"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind of file system means for a place, and what to do about it."""

    text: str
    remedy: str = ""
    status: Status = "ok"


_LOCAL = "locks and hard links work"
_KINDS = {
    "ext4": Meaning(f"{_LOCAL}; copies cost their full size (no reflinks)"),
    "ext3": Meaning(f"{_LOCAL}; copies cost their full size (no reflinks)"),
    "ext2": Meaning(f"{_LOCAL}; copies cost their full size (no reflinks)"),
    "xfs": Meaning(f"{_LOCAL}; copies share blocks (reflinks) if it was made with reflink=1"),
    "btrfs": Meaning("locks work; copies share blocks (reflinks); hard links within a subvolume"),
    "zfs": Meaning("locks work; no hard links between datasets; reflinks only from 2.2 on"),
    "nfs": Meaning(
        "hard links within one export; locks between hosts need the lock daemon (version 3); its "
        "times are the file server's; root may be nobody there (root_squash)",
        status="note",
    ),
    "nfs4": Meaning(
        "hard links within one export; locks between hosts work; copies are the file server's own "
        "from 4.2 on; its times are the file server's; root may be nobody there (root_squash)",
        status="note",
    ),
    "cifs": Meaning(
        "owners and modes may be made up by the mount; symbolic and hard links only where the "
        "server has Unix extensions (or mfsymlinks); reflinks depend on the server",
        status="note",
    ),
    "gpfs": Meaning("locks work between hosts; no hard links between independent filesets"),
    "lustre": Meaning("hard links work; no reflinks"),
    "beegfs": Meaning(
        "before version 7.4 hard links only within one folder; locks between hosts need "
        "tuneUseGlobalFileLocks; no reflinks",
        status="note",
    ),
    "ceph": Meaning("locks and hard links work between hosts; no reflinks"),
    "overlay": Meaning(
        "a container's own layer: what is written there may go with the container; a file of a "
        "lower layer gets another inode when it is written to",
        "Mount a volume for what is to stay.",
        "note",
    ),
}  # fmt: skip
_MEMORY = Meaning("in memory: empty after a restart", "Use a disk for what is to stay.", "warn")
_FAT = Meaning(
    "no links of any kind, no owners, no modes", "Use import_transfer cp or upload.", "warn"
)
_FUSE = Meaning(
    "a file system in user space: whether links and locks work depends on the program behind it",
    status="note",
)
_UNKNOWN = Meaning("nothing is known of this kind", status="note")
_OTHER_NAMES = {"smb3": "cifs", "smbfs": "cifs", "mmfs": "gpfs", "fuse.ceph": "ceph",
                "tmpfs": "", "ramfs": ""}  # fmt: skip


def meaning(mount: Mount, used_as: str = "") -> Meaning:
    """What a mount's kind and options mean for a place used as RESULTS, REPOSITORY or else."""
    kind = mount.kind
    if kind in ("tmpfs", "ramfs"):
        return _MEMORY
    if kind in ("vfat", "msdos", "exfat"):
        return _FAT
    if kind == "lustre":
        return _lustre(mount)
    known = _KINDS.get(_OTHER_NAMES.get(kind, kind))
    if known is None:
        return _FUSE if kind.startswith("fuse") else _UNKNOWN
    if kind in ("cifs", "smb3", "smbfs") and used_as in (RESULTS, REPOSITORY):
        return Meaning(known.text, "Mount it by NFS, or use a disk of a Linux machine.", "warn")
    if "nolock" in mount.options or "local_lock=all" in mount.options:
        return Meaning(
            f"{known.text}; mounted without locks between hosts",
            "Mount it without nolock (and local_lock=all) where more than one host works on it.",
            "warn" if used_as == RESULTS else "note",
        )
    if "ro" in mount.options and used_as in (RESULTS, REPOSITORY):
        return Meaning(f"{known.text}; mounted read-only", "Mount it for writing.", "fix")
    return known


def _lustre(mount: Mount) -> Meaning:
    text = _KINDS["lustre"].text
    if "flock" in mount.options:
        return Meaning(f"{text}; locks work between hosts (flock)")
    if "localflock" in mount.options:
        return Meaning(
            f"{text}; locks only within one host (localflock)",
            "Mount it with flock where more than one host works on it.",
            "note",
        )
    return Meaning(
        f"{text}; mounted without the option flock: there may be no locks",
        "Mount it with flock, or put the results elsewhere.",
        "note",
    )
