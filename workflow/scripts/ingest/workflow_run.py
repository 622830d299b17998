"""The run as a whole: which workflow, configured how, by whom, with which software."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import yaml

from ingest.child_environment import child_environment
from ingest.config import Config


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """What the report and the provenance say of the run besides its filesets.

    `configuration` is the whole effective configuration as YAML; it holds no secrets, because no
    option takes one. `commit` and `repository` (a URL) are empty where nothing is known of them;
    a commit with changes on top ends in `-dirty`. `software` maps a name to its version.
    `omero_server` is the address of the server, `omero_user` who logged in to it.
    """

    title: str
    snakefile: Path
    manifest: Path
    configuration: str
    commit: str
    repository: str
    os_user: str
    omero_user: str
    omero_server: str
    software: dict[str, str]


def describe_run(
    config: Config,
    snakefile: Path,
    *,
    omero_user: str = "",
    omero_server: str = "",
    omero_version: str = "",
    bioformats_version: str = "",
) -> WorkflowRun:
    """The run that `config` and the workflow at `snakefile` make, on this machine, by this user.

    What only OMERO and Bio-Formats can tell is left empty when it is not known.
    """
    software = {
        "Snakemake": version("snakemake"),
        "omero-py": version("omero-py"),
        "Python": platform.python_version(),
        "OMERO.server": omero_version,
        "Bio-Formats": bioformats_version,
    }
    return WorkflowRun(
        title=config.report.title,
        snakefile=snakefile,
        manifest=config.manifest,
        configuration=yaml.safe_dump(
            config.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True
        ),
        commit=_git(
            snakefile.parent, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"
        ),
        repository=public_url(_git(snakefile.parent, "remote", "get-url", "origin")),
        os_user=_os_user(),
        omero_user=omero_user,
        omero_server=omero_server,
        software={name: number for name, number in software.items() if number},
    )


def sha256(content: bytes) -> str:
    """The digest that identifies a manifest, a configuration or a workflow, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def public_url(remote: str) -> str:
    """A git remote as a URL without user or password; empty for one that is a local path.

    `git@host:path`, which is no URL, becomes the https one that hosts of repositories offer.
    """
    parts = urlsplit(remote)
    if parts.scheme in ("http", "https", "ssh", "git") and parts.hostname:
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    short = re.fullmatch(r"(?:[^@/]+@)?([^:/]+):(?!/)(.+)", remote)
    return f"https://{short[1]}/{short[2]}" if short else ""


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return str(os.getuid())


def _git(folder: Path, *arguments: str) -> str:
    """What git says; empty when it is not installed or `folder` is in no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=child_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
