"""What the tests of conversion build upon: both runtimes run an image that was made here."""

from pathlib import Path

import pytest

from tests.fixtures.containers import Images, call, derive, environment, remove


def test_all_forms_of_the_small_image_run_it(mini_image: Images) -> None:
    for image in (mini_image.folder, mini_image.sif):
        assert call("apptainer", "exec", str(image), "echo", "hello") == "hello\n"
    assert call("podman", "run", "--rm", mini_image.podman, "echo", "hello") == "hello\n"


def test_a_derived_image_runs_its_script_with_its_arguments(
    mini_image: Images, tmp_path: Path
) -> None:
    image = derive(
        tmp_path,
        "greeter",
        '#!/bin/sh\necho "$1 $(cat /etc/greeted)"\n',
        {
            "/etc/greeted": "world",
        },
    )
    try:
        for form in (image.folder, image.sif):
            assert call("apptainer", "run", str(form), "hello") == "hello world\n"
        assert call("podman", "run", "--rm", image.podman, "hello") == "hello world\n"
    finally:
        remove(image)


def test_without_the_set_up_a_test_fails_and_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="make containers"):
        environment()
