import pytest

from ingest.omero.client_paths import client_path, safe_component


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.tif", "plain.tif"),
        ("Größe 3 µm.tif", "Größe 3 µm.tif"),
        ('a"b*c:d<e>f?g\\h|i', "a'bxc;d[e]f%g!h!i"),
        ("tab\there\x7f\x85", "tab_here__"),
        ("con", "con_"),
        ("LPT9", "LPT9_"),
        ("Aux.tif", "_Aux.tif"),
        ("clock$.txt", "_clock$.txt"),
        ("$recycle", "_$recycle"),
        ("console.tif", "console.tif"),
        ("com10", "com10"),
    ],
)
def test_component(name: str, safe: str) -> None:
    assert safe_component(name) == safe


def test_safe_names_stay_safe() -> None:
    for name in ("con", "aux.tif", "$x", "a:b"):
        assert safe_component(safe_component(name)) == safe_component(name)


def test_path_keeps_links_and_dots_and_drops_empty_components() -> None:
    assert client_path("/data//raw/../a:b/img 1.tif") == "data/raw/../a;b/img 1.tif"


def test_relative_path_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        client_path("data/img.tif")
