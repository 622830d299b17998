from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from ingest import report
from ingest.fileset import Fileset, Problem
from ingest.report import id_ranges, render, thumbnail_ids, write_report
from ingest.summary import outcome
from tests.fixtures.outcomes import being_imported, failed, found_there, imported, made_run

HOSTILE = '<script>alert("1")</script>"><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}'


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        if self._within not in ("script", "style"):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def statuses(self) -> list[str | None]:
        return [row["data-status"] for row in self.of("tr") if "data-status" in row]


def test_what_was_there_and_what_is_under_way_is_shown(tmp_path: Path) -> None:
    outcomes = [imported("a"), found_there("b", 77), being_imported("c")]
    html = render(outcomes, made_run(tmp_path), {})
    page = Page(html)
    assert page.statuses() == ["ok", "notneeded", "unfinished"]
    assert "already in OMERO as Fileset:77" in page.text
    assert "1 fileset is still being imported by OMERO: run the same command again." in page.text
    tiles = dict(re.findall(r'<dt>([^<]*)</dt><dd class="\w*">([^<]*)</dd></div>', html))
    assert (tiles["filesets imported"], tiles["filesets failed"]) == ("1", "0")
    assert (tiles["filesets there already"], tiles["filesets being imported"]) == ("1", "1")


def test_totals_are_of_what_is_in_omero(tmp_path: Path) -> None:
    outcomes = [
        imported("a", images=3, plates=1, file_names=("x", "y"), size=500_000),
        imported("b", first_id=20, size=250_000),
        failed("c", "checksum"),
    ]
    html = render(outcomes, made_run(tmp_path), {})
    tiles = dict(re.findall(r'<dt>([^<]*)</dt><dd class="\w*">([^<]*)</dd></div>', html))
    assert tiles == {
        "filesets imported": "2",
        "filesets failed": "1",
        "images": "4",
        "plate": "1",
        "files": "3",
        "of data": "1.2 MB",
        "working time": "12 s",
        "throughput": "100 kB/s",
    }


def test_failures_come_before_everything_else(tmp_path: Path) -> None:
    bad = failed("sick", "import", cause="no pixels in it", remedy="Export it again.")
    html = render([imported("well"), bad], made_run(tmp_path), {})
    assert "1 of 2 filesets failed" in Page(html).text
    assert html.index("no pixels in it") < html.index("Export it again.") < html.index("well")


def test_without_failures_there_is_nothing_to_do(tmp_path: Path) -> None:
    page = Page(render([imported("a")], made_run(tmp_path), {}))
    assert "1 of 1 fileset is in OMERO, verified and annotated." in page.text
    assert "What failed" not in page.text


def test_skipped_rows_are_told_apart_from_failed_ones(tmp_path: Path) -> None:
    fileset = Fileset("c", 4, "/nowhere", problem=Problem("no such file", "Correct the path."))
    page = Page(render([failed("b", "import"), outcome(fileset, {})], made_run(tmp_path), {}))
    assert page.statuses() == ["error", "impossible"]
    assert "Correct the path." in page.text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    outcomes = [
        imported("a", file_names=(HOSTILE, "not utf-8 \udcff"), target=f"Dataset:name:{HOSTILE}"),
        failed("b", "import", cause=HOSTILE, remedy=HOSTILE),
    ]
    run = made_run(tmp_path, title=HOSTILE, omero_user=HOSTILE, omero_server=HOSTILE)
    write_report(tmp_path / "report.html", outcomes, run, {})
    html = (tmp_path / "report.html").read_text()
    page = Page(html)
    # Title, heading, server twice, user, target, file name, cause and remedy.
    assert page.text.count(HOSTILE) == 9
    assert len(page.of("script")) == 1
    assert not page.of("img")
    assert "\\udcff" in page.text


def test_the_page_asks_no_one_for_anything(tmp_path: Path) -> None:
    html = render([imported("a"), failed("b", "import")], made_run(tmp_path), {100: b"jpeg"})
    page = Page(html)
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "action", "data", "poster", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
        if tag != "a":
            assert "href" not in attributes
    assert not page.of("link")
    assert "@import" not in html
    assert all(of.startswith("#") for of in re.findall(r"url\(([^)]*)\)", html))
    targets = {link["href"] for link in page.of("a")}
    assert targets == {"imported.csv", "ro-crate-metadata.json"}


def test_a_thumbnail_stands_in_its_row_and_has_a_text(tmp_path: Path) -> None:
    html = render([imported("a"), imported("b", first_id=20)], made_run(tmp_path), {200: b"jpeg"})
    assert Page(html).of("img") == [
        {"src": "data:image/jpeg;base64,anBlZw==", "alt": "Thumbnail of image 200"}
    ]
    assert html.index('data-sort="a"') < html.index("<img") < html.index('data-sort="b"')


def test_thumbnails_are_asked_for_one_per_fileset_up_to_the_limit() -> None:
    outcomes = [failed("x", "import"), *(imported(f"f{n}", first_id=n) for n in range(1, 9))]
    assert thumbnail_ids(iter(outcomes), 3) == [10, 20, 30]
    assert thumbnail_ids(outcomes, 0) == []


def test_a_large_table_holds_failures_first_and_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(report, "ROWS", 5)
    outcomes = [imported(f"f{n}", first_id=n) for n in range(1, 10)]
    outcomes.insert(7, failed("late", "import"))
    page = Page(render(outcomes, made_run(tmp_path), {}))
    assert page.statuses() == ["error", "ok", "ok", "ok", "ok"]
    assert "5 of 10 filesets" in page.text
    assert thumbnail_ids(outcomes, 10) == [10, 20, 30, 40]


def test_many_failures_are_counted(tmp_path: Path) -> None:
    outcomes = [failed(f"f{n}", "import", cause=f"{n}") for n in range(report.FAILURES_TOLD + 7)]
    page = Page(render(outcomes, made_run(tmp_path), {}))
    assert len(page.of("h3")) == report.FAILURES_TOLD
    assert "7 more failed" in page.text
    assert f"import ({report.FAILURES_TOLD + 7})" in page.text


def test_what_failed_alike_is_told_once(tmp_path: Path) -> None:
    away = [failed(f"f{n}", "import", cause="OMERO is away") for n in range(300)]
    page = Page(render([*away, failed("bad", "convert")], made_run(tmp_path), {}))
    assert page.text.count("OMERO is away") == 1
    assert "f0 and 299 more filesets" in page.text and "f19 and more" in page.text
    assert len(page.of("h3")) == 2 and "more failed" not in page.text
    assert page.text.index("convert (1)") < page.text.index("import (300)")


def test_what_to_type_is_shown_as_code(tmp_path: Path) -> None:
    bad = failed("a", "import", remedy="Write `<b>` or `files`.")
    html = render([bad], made_run(tmp_path), {})
    assert "Write <code>&lt;b&gt;</code> or <code>files</code>." in html


def test_digests_of_every_file_are_there_up_to_a_limit(tmp_path: Path) -> None:
    few = imported("a", file_names=("one.tif", "two.tif"))
    many = imported("b", file_names=tuple(f"{n}.tif" for n in range(report.FILES_LISTED + 3)))
    text = Page(render([few, many], made_run(tmp_path), {})).text
    for file in few.files:
        assert file.digests["BLAKE3"] in text
        assert file.digests["Murmur3-128"] in text
    assert "and 3 more" in text


def test_the_run_is_described(tmp_path: Path) -> None:
    run = made_run(tmp_path)
    text = Page(render([imported("a", host="node7")], run, {})).text
    for fact in (run.commit, "Snakemake 9.27.1", "OMERO.server 5.6.17", "node7", "mara"):
        assert fact in text
    # printf 'manifest: manifest.csv\n' | sha256sum
    assert "4e335d77b65031fbbd16e310d182d2aedfaedc2f40fd956aa392d5f74cf840ad" in text


def test_every_header_is_a_header_and_every_image_has_a_text(tmp_path: Path) -> None:
    page = Page(render([imported("a"), failed("b", "import")], made_run(tmp_path), {100: b"x"}))
    assert all(header.get("scope") in ("col", "row") for header in page.of("th"))
    assert all(image.get("alt") for image in page.of("img"))
    assert page.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_run_that_did_nothing_has_a_report_too(tmp_path: Path) -> None:
    fileset = Fileset("c", 4, "/nowhere", problem=Problem("no such file", "Correct the path."))
    write_report(tmp_path / "report.html", [outcome(fileset, {})], made_run(tmp_path), {})
    assert "1 of 1 fileset failed" in Page((tmp_path / "report.html").read_text()).text


def test_ids_are_told_as_ranges() -> None:
    assert id_ranges([9, 4, 5, 6, 11]) == "4–6, 9, 11"
    assert id_ranges([]) == ""
