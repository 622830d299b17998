"""The type information is right where it is known from OMERO's own model description."""

from __future__ import annotations

import omero
import omero.all
import pytest

from omero_embedded.model.enumerations import ENUMERATIONS
from omero_embedded.model.types import all_types, type_of


@pytest.mark.parametrize(
    "named", ["Image", "ImageI", "ome.model.core.Image", "::omero::model::Image"]
)
def test_a_type_goes_by_several_names(named: str) -> None:
    assert type_of(named).name == "Image"


def test_an_object_tells_its_type() -> None:
    assert type_of(omero.model.TagAnnotationI()).name == "TagAnnotation"


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(KeyError):
        type_of("Imagery")


def test_families_share_their_root() -> None:
    assert {type_of(name).root for name in ("TagAnnotation", "FileAnnotation")} == {"Annotation"}
    assert type_of("UploadJob").root == "Job"
    assert type_of("Share").root == "Session"


def test_ordered_collections_are_those_of_omeros_model() -> None:
    ordered = {(t.name, m.name) for t in all_types().values() for m in t.collections if m.ordered}
    assert ordered == {
        ("ChannelBinding", "spatialDomainEnhancement"),
        ("Experimenter", "groupExperimenterMap"),
        ("Fileset", "jobLinks"),
        ("Fileset", "usedFiles"),
        ("Image", "pixels"),
        ("LightPath", "excitationFilterLink"),
        ("Pixels", "channels"),
        ("RenderingDef", "projections"),
        ("RenderingDef", "waveRendering"),
        ("Roi", "shapes"),
        ("Well", "wellSamples"),
    }


def test_collections_know_the_way_back() -> None:
    assert type_of("Dataset").members["imageLinks"].inverse == "parent"
    assert type_of("Image").members["datasetLinks"].inverse == "child"
    assert type_of("Annotation").members["annotationLinks"].inverse == "parent"
    assert type_of("Image").members["wellSamples"].inverse == "image"


def test_java_names() -> None:
    assert type_of("Image").java_name == "ome.model.core.Image"
    assert type_of("Annotation").java_name == "ome.model.annotations.Annotation"
    assert type_of("EventLog").java_name == "ome.model.meta.EventLog"


def test_every_preloaded_enumeration_exists() -> None:
    known = {t.name for t in all_types().values() if t.is_enumeration}
    assert set(ENUMERATIONS) == known - {"Format"}
