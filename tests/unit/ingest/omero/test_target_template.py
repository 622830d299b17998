from __future__ import annotations

import pytest

from ingest.fileset import StageError
from ingest.omero import target_template
from ingest.omero.target_grammar import parse_target, target_problem
from ingest.omero.target_template import concrete_target

LAST = "(?<Container1>[^/]+)"


@pytest.mark.parametrize(
    ("template", "folder", "target"),
    [
        (f"regex:.*/{LAST}", "/data/anna/liver", "Dataset:+name:liver"),
        (f"regex:name:.*/{LAST}", "/data/anna/liver", "Dataset:name:liver"),
        (f"regex:%name:/data/{LAST}/.*", "/data/anna/liver", "Dataset:%name:anna"),
        (f"regex:@name:.*/{LAST}", "/data/a", "Dataset:@name:a"),
        (f"regex:-name:.*/{LAST}", "/data/a", "Dataset:-name:a"),
        ("regex:name:.*/(?P<Container1>[^/]+)", "/data/a", "Dataset:name:a"),
        # A colon in the pattern needs a discriminator before it, as in the official importer.
        (f"regex:name:(?:/data|/scratch)/{LAST}", "/scratch/x y", "Dataset:name:x y"),
        ("regex:name:/data/(?<Container1>.*)", "/data/a:b/Dataset:c", "Dataset:name:a:b/Dataset:c"),
        # Java's intersection of sets.
        ("regex:/(?<Container1>[a-z&&[^x]]+)", "/abc", "Dataset:+name:abc"),
        # Java's quoted text, in which nothing has a meaning; and a group's text once more.
        (
            r"regex:\Q/data/[a+b] (1).d/\E(?<Container1>.*)",
            "/data/[a+b] (1).d/x",
            "Dataset:+name:x",
        ),
        (r"regex:/\\\\Q/(?<Container1>.*)/\k<Container1>", "/\\\\Q/x/x", "Dataset:+name:x"),
        ("regex:(?i)/DATA/(?<Container1>.*)", "/data/Zürich µ", "Dataset:+name:Zürich µ"),
    ],
)
def test_a_folder_names_the_target(template: str, folder: str, target: str) -> None:
    assert target_problem(template) is None
    assert concrete_target(template, folder, is_plate=False) == target
    assert parse_target(target).container.kind == "Dataset"


def test_plates_go_into_a_screen() -> None:
    assert concrete_target(f"regex:.*/{LAST}", "/data/a", is_plate=True) == "Screen:+name:a"


@pytest.mark.parametrize("folder", ["/data/liver/", "/other/liver", "data/liver", "/data/a/b"])
def test_the_whole_folder_has_to_match(folder: str) -> None:
    with pytest.raises(StageError, match="does not match the folder"):
        concrete_target(f"regex:/data/{LAST}", folder, is_plate=False)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("/data/(?<Container1>.*)", "/data/"),
        ("(?<Container1> +)x", "  x"),
        ("(?<Container1>a)?b", "b"),
    ],
)
def test_a_blank_name_is_no_name(pattern: str, folder: str) -> None:
    with pytest.raises(StageError, match="empty name"):
        concrete_target(f"regex:{pattern}", folder, is_plate=False)


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("regex:", "no group named Container1"),
        ("regex:.*", "no group named Container1"),
        ("regex:name:(?<container1>.*)", "no group named Container1"),
        ("regex:(?<Container1>.*", "is not a regular expression"),
        ("regex:[(?<Container1>.*)", "is not a regular expression"),
        ("regex:id:(?<Container1>.*)", "unknown discriminator 'id'"),
        ("regex:nmae:(?<Container1>.*)", "unknown discriminator 'nmae'"),
        ("regex:(?:a|b)(?<Container1>.*)", "unknown discriminator"),
        ("regex::(?<Container1>.*)", "unknown discriminator ''"),
        ("Regex:(?<Container1>.*)", "not valid"),
    ],
)
def test_what_is_refused_before_any_folder_is_seen(target: str, cause: str) -> None:
    problem = target_problem(target)
    assert problem is not None
    assert cause in problem.cause
    assert problem.remedy


def test_an_endless_pattern_is_given_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    template = "regex:/(a|aa)+(?<Container1>b)"
    monkeypatch.setattr(target_template, "MATCHING", 0.1)
    with pytest.raises(StageError, match="takes too long"):
        concrete_target(template, "/" + "a" * 200, is_plate=False)
    monkeypatch.delattr(target_template, "_compiled")  # nothing is matched any more
    with pytest.raises(StageError, match="takes too long"):
        concrete_target(template, "/" + "a" * 300, is_plate=False)
