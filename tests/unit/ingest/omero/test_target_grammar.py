import pytest

from ingest.omero.target_grammar import (
    BadTarget,
    Choice,
    Container,
    TargetPath,
    parse_target,
    target_problem,
)


@pytest.mark.parametrize(
    ("text", "container"),
    [
        ("Dataset:12", Container("Dataset", "id", "12")),
        ("Dataset:id:12", Container("Dataset", "id", "12")),
        ("Screen:name:S", Container("Screen", "newest", "S")),
        ("Dataset:+name:D", Container("Dataset", "newest", "D")),
        ("Dataset:-name:D", Container("Dataset", "oldest", "D")),
        ("Dataset:%name:D", Container("Dataset", "only", "D")),
        ("Dataset:@name:D", Container("Dataset", "new", "D")),
        ("Dataset:name:a:b/c", Container("Dataset", "newest", "a:b/c")),
        ("Dataset:name:Zürich 1", Container("Dataset", "newest", "Zürich 1")),
    ],
)
def test_one_container(text: str, container: Container) -> None:
    assert parse_target(text) == TargetPath(container)


@pytest.mark.parametrize(
    ("text", "project", "dataset"),
    [
        ("Project:name:P/Q/Dataset:-name:D/E", ("newest", "P/Q"), ("oldest", "D/E")),
        ("Project:id:5/Dataset:@name:x", ("id", "5"), ("new", "x")),
        ("Project:5/Dataset:12", ("id", "5"), ("id", "12")),
        ("Project:%name:a:b/Dataset:+name:c:d", ("only", "a:b"), ("newest", "c:d")),
        # As in the official importer, the first `/Dataset:` ends the Project's name.
        ("Project:@name:P/Dataset:name:D/Dataset:E", ("new", "P"), ("newest", "D/Dataset:E")),
    ],
)
def test_dataset_in_a_project(
    text: str, project: tuple[Choice, str], dataset: tuple[Choice, str]
) -> None:
    path = parse_target(text)
    assert path.project == Container("Project", *project)
    assert path.container == Container("Dataset", *dataset)


@pytest.mark.parametrize(
    ("text", "per_fileset"),
    [
        ("Dataset:name:D", False),
        ("Dataset:@name:D", True),
        ("Project:@name:P/Dataset:name:D", True),
        ("Project:name:P/Dataset:@name:D", True),
    ],
)
def test_at_means_one_for_every_fileset(text: str, per_fileset: bool) -> None:
    assert parse_target(text).per_fileset is per_fileset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid"),
        ("Dataset", "not valid"),
        ("Image:1", "not valid"),
        ("dataset:1", "not valid"),
        ("regex:name:x", "not valid"),
        ("Dataset:", "not valid"),
        ("Dataset:D", "is not an id"),
        ("Dataset:id:D", "is not an id"),
        ("Dataset:id:²", "is not an id"),
        ("Dataset:nmae:D", "unknown discriminator 'nmae'"),
        ("Dataset:name: ", "empty name"),
        ("Project:name:P", "is a Project"),
        ("Project:name:P/Dataset:D", "is not an id"),
        ("Project:name:P/Dataset:", "not valid"),
    ],
)
def test_no_target(text: str, message: str) -> None:
    with pytest.raises(BadTarget, match=message):
        parse_target(text)


@pytest.mark.parametrize(
    "text", ["Screen:name:S/Dataset:name:D", "Dataset:name:D/Screen:name:S", "Dataset:1/Dataset:2"]
)
def test_what_omero_does_not_nest_is_refused(text: str) -> None:
    assert target_problem(text) is not None
