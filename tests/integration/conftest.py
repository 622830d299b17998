"""Containers for every integration test that asks for them."""

from collections.abc import Iterator

import pytest

from tests.fixtures import built_images, containers
from tests.fixtures.built_images import Built
from tests.fixtures.containers import Images


@pytest.fixture(scope="session")
def container_runtimes() -> Iterator[dict[str, str]]:
    """Apptainer and Podman on PATH, for this process and those it starts; the variables set."""
    variables = containers.environment()
    with pytest.MonkeyPatch.context() as patch:
        for key, value in variables.items():
            patch.setenv(key, value)
        yield variables


@pytest.fixture(scope="session")
def mini_image(container_runtimes: dict[str, str]) -> Images:
    """An image with a static bash and busybox and nothing else."""
    return containers.mini()


@pytest.fixture(scope="session")
def ometiff_image(container_runtimes: dict[str, str]) -> Built:
    """The project's converter to OME-TIFF."""
    return built_images.ometiff()


@pytest.fixture(scope="session")
def biomero_image(container_runtimes: dict[str, str]) -> Built:
    """A published converter of the BIOMERO project."""
    return built_images.biomero_converter()
