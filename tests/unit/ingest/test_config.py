"""Options: defaults, every mistake in one error, and the files written from the models."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from ingest.config import Config, ConfigError, load
from ingest.config_files import DEMO, example, schema

FOLDER = Path(__file__).parents[3] / "config"


def test_no_options_are_all_defaults() -> None:
    config = load({})
    assert config.manifest == Path("config/manifest.csv")
    assert config.checksum.algorithm == "Murmur3-128"
    assert config.transfer.store is None
    assert config.omero.embedded
    assert config.importing.thumbnails


def test_sections_are_read_by_their_names_in_the_file() -> None:
    config = load(
        {
            "import": {"thumbnails": False},
            "defaults": {"target": "Project:name:P/Dataset:name:D", "tags": ["a"]},
            "batch_size": 100,
            "allowed_roots": ["/data", "/scratch"],
        }
    )
    assert not config.importing.thumbnails
    assert config.defaults.tags == ("a",)
    assert config.batch_size == 100
    assert config.allowed_roots == (Path("/data"), Path("/scratch"))


def test_a_section_whose_options_are_all_commented_out_has_its_defaults() -> None:
    assert load({"report": None, "import": None}) == load({})


def test_the_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/facility")
    assert load({"transfer": {"store": "~/store"}}).transfer.store == Path("/home/facility/store")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"manifst": "x"}, ["manifst: there is no such option", "Did you mean manifest?"]),
        ({"report": {"titel": 1}}, ["report.titel: there is no such option", "mean title?"]),
        ({"embedded": True}, ["embedded: there is no such option", "mean omero.embedded?"]),
        ({"importing": {}}, ["importing: there is no such option", "mean import?"]),
        ({"qq": 1}, ["qq: there is no such option. Remove it; the options here are manifest,"]),
        ({"manifest": ""}, ["manifest: '' is empty", "Write a path"]),
        ({"manifest": ["a"]}, ["manifest: ['a'] is not a path"]),
        ({"batch_size": 0}, ["batch_size: 0 is neither auto nor a number", "Write auto or"]),
        ({"batch_size": "many"}, ["batch_size: 'many' is neither auto"]),
        ({"batch_size": True}, ["batch_size: True is neither auto"]),
        ({"invalid_rows": "drop"}, ["invalid_rows: 'drop' is not one", "'refuse' or 'skip'"]),
        ({"checksum": {"algorithm": "md5"}}, ["checksum.algorithm: 'md5'", "'MD5-128'"]),
        ({"import": {"thumbnails": "ja"}}, ["import.thumbnails: 'ja'", "Write true or false"]),
        ({"import": {"parallel_files": 0}}, ["import.parallel_files: 0 should be greater than 0"]),
        ({"omero": {"port": 70000}}, ["omero.port: 70000 should be less than or equal to 65535"]),
        ({"omero": {"host": 7}}, ["omero.host: 7 should be a valid string", "in quotes"]),
        ({"omero": 7}, ["omero: 7 is not a block of options", "Write its options below it"]),
        ({"allowed_roots": "/data"}, ["allowed_roots: '/data' is not a list", "Write [a, b]"]),
        ({"allowed_roots": ["/data", ""]}, ["allowed_roots.1: '' is empty"]),
        ({"defaults": {"target": "Dataset:{D}"}}, ["defaults.target:", "'{D}' is not an id"]),
        ({"defaults": {"target": "regex:.*"}}, ["defaults.target:", "Container1"]),
        ({"defaults": {"name": "n" * 256}}, ["defaults.name:", "at most 255 characters"]),
        ({"defaults": {"transfer": "cp"}}, ["there is no transfer.store", "Set transfer.store"]),
    ],
)
def test_mistakes_are_named_with_their_remedy(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        load(options)
    assert len(refused.value.problems) == 1
    assert all(part in refused.value.problems[0] for part in parts), refused.value.problems


def test_all_mistakes_are_in_one_error() -> None:
    with pytest.raises(ConfigError, match="3 problems") as refused:
        load({"manifst": 1, "omero": {"port": "x"}, "checksum": {"archive": "MD5"}})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "checksum.archive",
        "omero.port",
        "manifst",
    ]


def test_long_values_are_shortened() -> None:
    with pytest.raises(ConfigError) as refused:
        load({"defaults": {"name": "n" * 10_000}})
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(("name", "text"), [("config.yaml", example()), ("schema.json", schema())])
def test_shipped_files_are_what_the_models_say(name: str, text: str) -> None:
    shipped = (FOLDER / name).read_text().splitlines()
    drift = "\n".join(difflib.unified_diff(shipped, text.splitlines(), name, "make config"))
    assert not drift, f"Run `make config`:\n{drift}"


def test_the_shipped_file_sets_every_option() -> None:
    options = yaml.safe_load(example())
    assert load(options) == load(DEMO)
    assert _names(options) == _options(Config)


def test_every_option_is_described() -> None:
    def undescribed(definition: dict[str, Any]) -> list[str]:
        return [
            name
            for name, facts in definition["properties"].items()
            if "description" not in facts and "$ref" not in facts
        ]

    document = json.loads(schema())
    assert not undescribed(document)
    assert not any(undescribed(section) for section in document["$defs"].values())


def _names(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _names(value) if isinstance(value, dict) and value else None
        for name, value in options.items()
    }


def _options(model: type[BaseModel]) -> dict[str, Any]:
    return {
        field.alias or name: _options(field.annotation)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        else None
        for name, field in model.model_fields.items()
    }
