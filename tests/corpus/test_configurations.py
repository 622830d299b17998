"""Every configuration of the corpus is refused in words, with the option or the line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.config import Config, ConfigError, load
from ingest.config_files import example
from ingest.config_text import check_file, text_problems
from tests.corpus import option_cases, text_cases
from tests.integration.workflow.workspace import ROOT

MOST = 40_000  # characters that a terminal is asked to show


def in_words(error: ConfigError) -> str:
    told = str(error)
    assert len(told) < MOST
    assert all(line.isprintable() for line in told.splitlines())
    assert all(problem.rstrip().endswith((".", "?")) for problem in error.problems)
    return told


@pytest.mark.parametrize(("options", "says"), option_cases.REFUSED, ids=lambda value: "")
def test_options_are_refused(options: dict[Any, Any], says: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as refused:
        load(options)
    told = in_words(refused.value)
    for text in says:
        assert text in told


@pytest.mark.parametrize("options", option_cases.FINE, ids=str)
def test_options_that_only_look_bad(options: dict[str, Any]) -> None:
    assert json.loads(load(options).model_dump_json(by_alias=True))


@pytest.mark.parametrize("name", text_cases.CASES)
def test_a_file_is_refused(tmp_path: Path, name: str) -> None:
    content, says = text_cases.CASES[name]
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        check_file(path)
    told = in_words(refused.value)
    for text in ("config.yaml", *says):
        assert text in told
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", text_cases.FINE)
def test_a_file_that_only_looks_bad(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.yaml").write_bytes(text_cases.FINE[name])
    check_file(tmp_path / "config.yaml")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    check_file(tmp_path / "gone")  # Snakemake says so
    for name in ("pipe", "sparse", "."):
        with pytest.raises(ConfigError, match="is not a file with options"):
            check_file(tmp_path / name)


def test_the_shipped_file_is_in_order() -> None:
    assert text_problems(example()) == []


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_judged(text: str) -> None:
    assert all(isinstance(problem, str) for problem in text_problems(text))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
    | st.dates()
    | st.binary(max_size=4)
    | st.sampled_from(["auto", "none", "ln_s", "~x", "a\0", "Dataset:1", "regex:(", 10**400])
)
KEYS = (
    st.sampled_from(
        sorted(
            {field.alias or name for name, field in Config.model_fields.items()}
            | {"host", "port", "tags", "target", "wait", "annotations", "pixel_size", "command"}
        )
    )
    | st.text(max_size=4)
    | st.integers()
    | st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_options_are_a_configuration_or_refused(options: dict[Any, Any]) -> None:
    try:
        config = load(options)
    except ConfigError as error:
        assert error.problems
        in_words(error)
    else:
        assert config.model_dump_json(by_alias=True)


SECTIONS = {
    name: list(field.annotation.model_fields)
    for name, field in Config.model_fields.items()
    if hasattr(field.annotation, "model_fields")
}


@given(st.data())
def test_any_value_of_any_option_is_taken_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SECTIONS)))
    option = data.draw(st.sampled_from(SECTIONS[name]))
    written = Config.model_fields[name].alias or name
    try:
        config = load({written: {option: data.draw(VALUES)}})
    except ConfigError as error:
        in_words(error)
    else:
        assert config.model_dump_json(by_alias=True)


@pytest.mark.parametrize("name", ["a name twice", "latin-1", "a billion laughs in blocks"])
def test_snakemake_shows_it_and_nothing_else_happens(tmp_path: Path, name: str) -> None:
    content, says = text_cases.CASES[name]
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_bytes(content)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--profile", str(ROOT / "profiles" / "default"), "--cores", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    for text in says:
        assert text in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != ".snakemake"] == ["config"]
