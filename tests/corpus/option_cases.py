"""Options, as they are after YAML was read, that are refused, with what must be said of each."""

from __future__ import annotations

import datetime
from typing import Any

HOST = {"runtime": "host", "command": "x {input} {output}"}


def _laughs(width: int = 9, depth: int = 9) -> Any:
    """A few lists that stand for a billion texts."""
    value: Any = "lol"
    for _ in range(depth):
        value = [value] * width
    return value


def _deep(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def _own_parent() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


def converter(**options: Any) -> dict[str, Any]:
    return {"converters": {"x": {**HOST, **options}}}


Refused = tuple[dict[Any, Any], tuple[str, ...]]

REFUSED: list[Refused] = [
    ({"manifst": "x"}, ("manifst: there is no such option", "mean manifest?")),
    ({"Manifest": "x"}, ("Manifest: there is no such option", "mean manifest?")),
    ({"omero": {"hots": "x"}}, ("omero.hots:", "mean host?")),
    ({"host": "x"}, ("host: there is no such option", "mean omero.host?")),
    ({"omero": {"password": "x"}}, ("omero.password: there is no such option",)),
    ({"audit": {"fraction": True}}, ("audit.fraction: True is not a number",)),
    ({"relink": {"most": True}}, ("relink.most: True is not a number",)),
    ({"omero.host": "x"}, ("omero.host: there is no such option",)),
    ({"": 1}, ("there is no such option",)),
    ({"\x1b[2J": 1}, (r"'\x1b[2J': there is no such option",)),
    ({"x" * 100_000: 1}, ("there is no such option",)),
    ({1: 2}, ("1: 1 is a key that is not text", "quotes")),
    ({None: 2}, ("None is a key that is not text",)),
    ({True: 2}, ("True is a key that is not text",)),  # what YAML makes of `on:`
    ({(1, 2): 2}, ("is a key that is not text",)),
    ({"manifest": ""}, ("manifest: '' is empty",)),
    ({"manifest": "a\0b"}, (r"manifest: holds the control character '\x00'",)),
    ({"manifest": "a\x1b[2J"}, (r"holds the control character '\x1b'",)),
    ({"manifest": "a\nb"}, ("manifest:", "holds a line break")),
    ({"manifest": "\udcff.csv"}, ("manifest: holds the control character",)),
    ({"manifest": "~nobody-here/x"}, ("home folder of a user who does not exist",)),
    ({"manifest": 12}, ("manifest: 12 is not a path",)),
    ({"manifest": True}, ("manifest: True is not a path",)),
    ({"manifest": datetime.date(2024, 5, 1)}, ("manifest:", "is not a path")),
    ({"manifest": b"x"}, ("manifest: b'x' is not a path",)),
    ({"manifest": ["x"]}, ("manifest: ['x'] is not a path",)),
    ({"results": "r{batch}"}, ("results: 'r{batch}' has braces",)),
    ({"results": "~nobody-here"}, ("results:", "home folder")),
    ({"results": None}, ("results: None is not a path",)),
    ({"allowed_roots": "/data"}, ("allowed_roots: '/data' is not a list",)),
    ({"allowed_roots": [""]}, ("allowed_roots.0: '' is empty",)),
    ({"allowed_roots": [None]}, ("allowed_roots.0: None is not a path",)),
    ({"allowed_roots": {"a": 1}}, ("is not a list",)),
    ({"batch_size": 0}, ("batch_size: 0 is neither auto nor",)),
    ({"batch_size": -1}, ("batch_size: -1 is neither auto",)),
    ({"batch_size": True}, ("batch_size: True is neither auto",)),
    ({"batch_size": 1.5}, ("batch_size: 1.5 is neither auto",)),
    ({"batch_size": 10**30}, ("batch_size:", "up to 1,000,000")),
    ({"batch_size": "9" * 5000}, ("batch_size:", "is neither auto")),
    ({"invalid_rows": "drop"}, ("'refuse' or 'skip'",)),
    ({"invalid_rows": True}, ("invalid_rows: True is not one of its values",)),
    ({"import": {"wait": float("nan")}}, ("import.wait: nan is neither",)),
    ({"import": {"wait": float("inf")}}, ("import.wait: inf is neither",)),
    ({"import": {"wait": 10**400}}, ("import.wait:", "up to 1,000,000")),
    ({"import": {"wait": -5}}, ("import.wait: -5 is neither",)),
    ({"import": {"retry_seconds": 10**400}}, ("import.retry_seconds",)),
    ({"import": {"retry_seconds": -1}}, ("import.retry_seconds: -1",)),
    ({"import": {"parallel_files": 10**30}}, ("import.parallel_files",)),
    ({"import": {"parallel_files": True}}, ("import.parallel_files: True is not a number",)),
    ({"import": {"parallel_filesets": 0}}, ("import.parallel_filesets: 0",)),
    ({"import": {"pixel_size": True}}, ("import.pixel_size: True is refused",)),
    ({"import": {"pixel_size": float("nan")}}, ("import.pixel_size: nan",)),
    ({"import": {"pixel_size": [1]}}, ("import.pixel_size: [1]",)),
    ({"import": {"annotations": [True]}}, ("import.annotations.0: True is not a number",)),
    ({"import": {"annotations": [2**63]}}, ("import.annotations.0",)),
    ({"import": {"exclude": "clientpath"}}, ("import.exclude: 'clientpath' is not a list",)),
    ({"import": {"exclude": ["name"]}}, ("import.exclude.0: 'name'", "'clientpath'")),
    ({"import": {"thumbnails": "ja"}}, ("Write true or false",)),
    ({"import": []}, ("import: [] is not a block of options",)),
    ({"omero": "localhost"}, ("omero: 'localhost' is not a block of options",)),
    ({"omero": {"port": 0}}, ("omero.port: 0",)),
    ({"omero": {"port": 65536}}, ("omero.port: 65536",)),
    ({"omero": {"port": True}}, ("omero.port: True is not a number",)),
    ({"omero": {"port": 4064.5}}, ("omero.port: 4064.5 is not a whole number",)),
    ({"omero": {"host": 7}}, ("omero.host: 7", "quotes")),
    ({"omero": {"host": "a\0"}}, ("omero.host: holds the control character",)),
    ({"report": {"title": datetime.date(2024, 5, 1)}}, ("report.title:", "quotes")),
    ({"report": {"title": "\ud800"}}, ("report.title: holds the control character",)),
    ({"report": {"title": 1e9}}, ("report.title:", "quotes")),
    ({"report": {"thumbnails": 10**30}}, ("report.thumbnails",)),
    ({"report": {"thumbnails": -1}}, ("report.thumbnails: -1",)),
    ({"defaults": {"tags": [1, True, None]}}, ("tags.0: 1", "tags.1: True", "tags.2: None")),
    ({"defaults": {"tags": "a;b"}}, ("defaults.tags: 'a;b' is not a list",)),
    ({"defaults": {"user": 0o17}}, ("defaults.user: 15", "quotes")),
    ({"defaults": {"target": "Dataset:D"}}, ("defaults.target", "is not an id")),
    ({"defaults": {"target": "regex:" + "(" * 100_000}}, ("defaults.target", "at most 1000")),
    ({"defaults": {"target": "regex:(?<Container1>((a{999}){999}){999})"}}, ("repetitions",)),
    ({"defaults": {"import_transfer": "os:replace"}}, ("defaults.import_transfer", "Python's own")),
    ({"defaults": {"import_transfer": "rm -rf /"}}, ("is not an import transfer",)),
    ({"defaults": {"transfer": "cp"}}, ("there is no transfer.store",)),
    ({"defaults": {"convert": "x"}}, ("no converter is configured",)),
    ({"defaults": {"name": "n" * 256}}, ("at most 255 characters",)),
    ({"checksum": {"algorithm": "md5"}}, ("checksum.algorithm: 'md5'", "'MD5-128'")),
    ({"checksum": {"algorithm": ["x"]}}, ("is not one of its values",)),
    ({"annotate": {"namespace_prefix": ""}}, ("annotate.namespace_prefix",)),
    ({"convert": {"stage_then_redirect": True}}, ("no convert.scratch",)),
    ({"converters": [1]}, ("converters: [1] is not a block of options",)),
    ({"converters": {"a b": HOST}}, ("is not a valid name for a converter",)),
    ({"converters": {"none": HOST}}, ("is not a valid name for a converter",)),
    ({"converters": {1: HOST}}, ("converters.1",)),
    ({"converters": {"x": {}}}, ("has neither a command nor the contract",)),
    ({"converters": {"x": {"imgae": "y"}}}, ("converters.x.imgae", "mean image?")),
    (converter(command="x"), ("names no {input} or no {output}",)),
    (converter(command="x '{input} {output}"), ("cannot be taken apart",)),
    (converter(command="x {input.__class__} {output}"), ("cannot be taken apart",)),
    (converter(command="x {input!r} {output}"), ("cannot be taken apart",)),
    (converter(command="x {0} {input} {output}"), ("cannot be taken apart",)),
    (converter(command="x\0 {input} {output}"), ("converters.x.command: holds the control",)),
    (converter(environment={"A": "\0"}), ("environment.A: holds the control character",)),
    (converter(environment={"A=B": "c"}), ("may not hold the variable 'A=B'",)),
    (converter(environment={"OMERO_PASSWORD": "x"}), ("what logs in to OMERO never enters",)),
    (converter(environment={"A": 1}), ("environment.A: 1", "quotes")),
    (converter(parameters={"a b": "c"}), ("has no usable name 'a b'",)),
    (converter(parameters={"a": True}), ("parameters.a: True", "quotes")),
    (converter(time_limit_minutes=float("inf")), ("time_limit_minutes",)),
    (converter(time_limit_minutes=float("nan")), ("time_limit_minutes",)),
    (converter(time_limit_minutes=1e300), ("time_limit_minutes",)),
    (converter(time_limit_minutes=0), ("time_limit_minutes",)),
    (converter(memory_mb=10**30), ("memory_mb",)),
    (converter(cpus=10**9), ("cpus",)),
    (converter(runtime="kubernetes"), ("converters.x.runtime",)),
    (converter(image="x"), ("the runtime host, which runs none",)),
    (converter(runtime="podman", image="--privileged"), ("begins with a hyphen",)),
    (converter(runtime="podman"), ("has no image",)),
    ({"defaults": {"tags": _laughs()}}, ("9 problems", "defaults.tags.0")),
    ({"defaults": _laughs()}, ("defaults:", "is not a block of options")),
    ({"x": _laughs()}, ("x: there is no such option",)),
    ({"report": {"title": _laughs()}}, ("report.title",)),
    ({"x": _deep(3000)}, ("x: there is no such option",)),
    ({"converters": {"x": _deep(3000)}}, ("converters.x.a: there is no such option",)),
    ({"omero": _own_parent()}, ("omero.a: there is no such option",)),
    ({"defaults": {"tags": [1] * 100_000}}, ("problems", "more.")),
    ({str(n): n for n in range(10_000)}, ("10000 problems", "and 9950 more")),
]

FINE: list[dict[str, Any]] = [
    {},
    {"import": None, "report": None},
    {"results": 'a folder\'s "name" & more;$(x)'},
    {"results": "a//b/./c"},
    {"report": {"title": "{{7*7}}<script>%s{batch}"}},
    {"defaults": {"tags": ["0012", "true", "=1+1", "null"]}},
    {"defaults": {"description": "two\nlines\tand a tab"}},
    {"manifest": "ü {batch} 'x'.csv"},
    {"import": {"wait": False}},
    {"omero": {"host": "-rf"}},
]
