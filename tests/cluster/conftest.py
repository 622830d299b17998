"""Clusters with and without accounting, and an OMERO server beside them, for all their tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.config import load
from ingest.omero.login import find_login
from tests.cluster.rig import ClusterWorkspace
from tests.fixtures.slurm import Cluster, running_cluster
from tests.integration.ingest_omero.rig import Server

MakeWorkspace = Callable[[Cluster, str], ClusterWorkspace]


@pytest.fixture(scope="session", autouse=True)
def no_other_cluster() -> None:
    """Variables of a Slurm that is there already would reach the jobs of ours."""
    for name in list(os.environ):
        if name.startswith(("SLURM", "SBATCH", "SQUEUE", "SACCT", "SRUN")):
            del os.environ[name]


@pytest.fixture(scope="session")
def accounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with slurmdbd."""
    with running_cluster(tmp_path_factory.mktemp("accounted") / "slurm", accounting=True) as made:
        yield made


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that keeps no accounts."""
    with running_cluster(tmp_path_factory.mktemp("plain") / "slurm", accounting=False) as made:
        yield made


@pytest.fixture(scope="session")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables with which jobs log in to a running embedded server."""
    folder = tmp_path_factory.mktemp("omero")
    server = Server(folder)
    server.start()
    found = find_login(load({"omero": {"embedded_folder": str(folder)}}).omero)
    yield {
        "OMERO_HOST": found.address.host,
        "OMERO_PORT": str(found.address.port),
        "OMERO_USER": found.user,
        "OMERO_PASSWORD": found.password,
    }
    server.stop()


@pytest.fixture
def workspace_on(tmp_path: Path, login: dict[str, str]) -> Iterator[MakeWorkspace]:
    """Makes a workspace, of that name, whose runs go over a cluster."""

    made = []

    def make(cluster: Cluster, name: str) -> ClusterWorkspace:
        (tmp_path / name / "source").mkdir(parents=True)
        made.append(ClusterWorkspace(tmp_path / name, cluster, login))
        return made[-1]

    yield make
    for each in made:
        each.end()
