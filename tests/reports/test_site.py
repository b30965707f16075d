from __future__ import annotations

import json
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest

from reference import claims as claims_of
from reference import published as published_numbers
from reports.artefacts import artefacts
from reports.build import write_site
from reports.numbers import anchor
from reports.site_folder import NotASiteError
from suite.harness.code_digest import experiment_code
from suite.harness.records import Records, load
from suite.harness.replays import Replay, Replays
from tests.reports.synthetic import CODE, EXPERIMENTS, Pendulum, Table1, Unmeasured

PAGES = ("index.html", "published.html", *(f"{name}/index.html" for name in EXPERIMENTS))
VOID = frozenset(["meta", "link", "img", "source", "br", "hr", "input", "path", "circle"])


class Page(HTMLParser):
    """What a page links to, its anchors, its headings, its images and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.headings: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.scripts = 0
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name in ("href", "src", "srcset") if (value := given.get(name))]
        self.anchors += [value for name in ("id",) if (value := given.get(name))]
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "img":
            self.images.append(given)
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@cache
def parsed(path: Path) -> Page:
    return Page(path)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_an_anchor_of_the_site(site: Path, name: str) -> None:
    for link in parsed(site / name).links:
        parts = urlsplit(link)
        if parts.scheme == "data":
            continue
        assert not parts.scheme, f"{link} loads or leaves the site"
        assert not parts.netloc
        target = ((site / name).parent / unquote(parts.path) if parts.path else site / name).resolve()
        assert target.is_relative_to(site.resolve())
        assert target.is_file(), f"{link} is dangling"
        if parts.fragment:
            assert parts.fragment in parsed(target).anchors, f"{link} names no place"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_well_formed_with_one_main_heading_and_no_script(site: Path, name: str) -> None:
    page = parsed(site / name)
    assert page.open == []
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    assert len(page.anchors) == len(set(page.anchors))
    assert page.scripts == 0
    assert all(image["alt"] and image["width"] and image["height"] for image in page.images)


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    style = (site / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style
    for path in site.rglob("*.svg"):
        assert 'href="http' not in path.read_text()


def test_every_claim_is_on_the_scoreboard_and_on_its_page_with_its_verdict(site: Path) -> None:
    entries = json.loads((site / "verdicts.json").read_text())
    claims = claims_of.load(published_numbers.load())
    assert {entry["claim"] for entry in entries} == set(claims)
    board = parsed(site / "index.html")
    for entry in entries:
        page = parsed(site / entry["artefact"] / "index.html")
        for place in (board, page):
            assert f"claim-{anchor(entry['claim'])}" in place.anchors
            assert entry["statement"] in place.text
            assert f"{entry['status']}" in place.text
            assert " ".join(entry["reason"].split()) in place.text


def test_counts_add_up_to_the_number_of_claims(site: Path) -> None:
    page = (site / "index.html").read_text()
    claims = claims_of.load(published_numbers.load())
    counts = [int(part.partition("<")[0]) for part in page.split('<span class="count">')[1:]]
    withdrawn = sum(claim.status == "withdrawn" for claim in claims.values())
    assert len(counts) == 5
    assert counts[-1] == withdrawn > 0
    assert sum(counts) == len(claims)


def test_json_names_the_records_by_their_place_in_the_site(site: Path) -> None:
    named = [place for entry in json.loads((site / "verdicts.json").read_text()) for place in entry["records"]]
    assert named
    assert all((site / place).is_file() for place in named)


def test_csv_files_equal_the_records(site: Path, records: Records) -> None:
    for name in EXPERIMENTS:
        cells = records.cells[records.cells["experiment"] == name]
        folder = site / name
        if cells.empty:
            assert not (folder / "cells.csv").exists()
            continue
        read = pd.read_csv(folder / "cells.csv", keep_default_na=False)
        for column in ("variant", "seed", "profile", "status", "code", "seconds", "stand_in_for"):
            assert read[column].tolist() == cells[column].tolist()
        rows = records.rows[records.rows["experiment"] == name]
        measured = pd.read_csv(folder / "measurements.csv", keep_default_na=True)
        assert measured["metric"].tolist() == rows["metric"].tolist()
        pd.testing.assert_series_equal(
            measured["value"].astype(float).reset_index(drop=True), rows["value"].reset_index(drop=True)
        )
        again = load(folder / "raw")
        assert sorted(again.cells["key"]) == sorted(cells["key"])
        assert (folder / read["path"].iloc[0]).is_file()


def test_no_path_of_this_machine_is_in_the_site(site: Path, records: Records) -> None:
    machine = str(Path(records.cells["path"].iloc[0]).parents[3])
    for path in site.rglob("*"):
        if path.is_file():
            assert machine not in path.read_text(encoding="utf-8"), path


def test_stand_in_data_is_named_beside_numbers_figures_and_tables(site: Path) -> None:
    words = "on scikit-learn's digits, standing in for MNIST"
    assert parsed(site / "index.html").text.count(words) > 10
    page = parsed(site / "chen2018/table1/index.html")
    assert f"Measured {words}." in page.text
    assert f"Mean over seeds with its 95 % interval, {words}" in page.text
    assert "published (MNIST)" in (site / "chen2018/table1/figures/cpu-quick/test-error-last-light.svg").read_text()


def test_failed_cell_and_its_exception_are_shown_escaped(site: Path) -> None:
    page = (site / "chen2018/table1/index.html").read_text()
    assert "FloatingPointError: loss is &lt;nan&gt;" in page
    assert "Traceback: &lt;here&gt;" in page
    assert "<nan>" not in page


def test_settings_show_each_profile_its_source_and_our_choices(site: Path) -> None:
    text = parsed(site / "chen2018/table1/index.html").text
    assert "epochs 1 4 160 Table 1 & <appendix>" in text
    assert "our choice: the paper names no schedule" in text
    assert "schedule = 60, 100: the paper names no schedule" in text
    assert "epochs = 80" in text, "a run with a changed setting is told apart"


def test_withdrawn_claim_is_marked_in_words(site: Path) -> None:
    text = parsed(site / "index.html").text
    assert "Its authors took the claim back" in text


def test_what_was_not_measured_says_so(site: Path) -> None:
    assert "not measured yet: no record" in parsed(site / "index.html").text
    assert "there is no record of this experiment" in parsed(site / "poli2020/mnist/index.html").text


def test_first_page_and_pages_say_what_was_measured_on_which_card(site: Path) -> None:
    board = parsed(site / "index.html").text
    assert f"{len(EXPERIMENTS) - 1} of {len(EXPERIMENTS)} experiments were not measured on a GPU yet." in board
    assert board.count("not measured on a GPU yet") == len(EXPERIMENTS)
    card = "easured on A graphics card (profile paper, 2 of 7 variants)"
    assert f"m{card}" in board
    assert f"M{card}." in parsed(site / "chen2018/table1/index.html").text
    assert "Not measured on a GPU yet." in parsed(site / "poli2020/mnist/index.html").text


def test_page_says_how_its_code_relates_to_the_present_one(records: Records, tmp_path: Path) -> None:
    """A replay is told on the page of its experiment, on its class of device alone."""
    published = published_numbers.load()
    alone = {"chen2018/table1": EXPERIMENTS["chen2018/table1"]}
    present = experiment_code(alone["chen2018/table1"], "quick", "cpu", EXPERIMENTS)
    old, new = ({"digest": digest, "commit": None, "dirty": None} for digest in (CODE, present))
    replay = Replay(
        "chen2018/table1", "cpu", "quick", old, new, 21, 1000, {"s": 3}, "2.13.0", "a", "a", 2, "2026-03-04"
    )  # fmt: skip
    cells, rows = (table[table["experiment"] == "chen2018/table1"] for table in (records.cells, records.rows))
    write_site(tmp_path / "site", Records(cells, rows, Replays([replay])), alone, {}, published)
    text = parsed(tmp_path / "site" / "chen2018/table1" / "index.html").text
    of_card, of_cpu = text.split("Measured: profile quick on", 1)[1].split("Measured: profile quick on", 1)
    unknown = "The code behind these numbers has changed since, and no replay compares the two."
    assert unknown in of_card
    assert unknown not in of_cpu
    assert "gave the same 1000 rows bit for bit on 2026-03-04" in of_cpu


def test_artefact_that_only_published_numbers_name_is_not_implemented() -> None:
    found = artefacts({}, [], published_numbers.load(), load())
    assert "poli2020/mnist" in {entry.id for entry in found}
    assert {(entry.state, entry.page) for entry in found} == {("not measured yet: not implemented", "")}


def test_every_published_number_is_listed_with_source_and_confidence(site: Path) -> None:
    page = parsed(site / "published.html")
    for number in published_numbers.load().values():
        assert anchor(number.id) in page.anchors
        assert " ".join(number.source.split()) in page.text


def test_two_builds_are_the_same_bytes_in_one_process_or_several(site: Path, records: Records, tmp_path: Path) -> None:
    """A page with figures of its own, one with the generic figure and one with none stand for all."""
    published = published_numbers.load()
    few = {name: EXPERIMENTS[name] for name in (Table1.id, Pendulum.id, Unmeasured.id)}
    claims = {name: claim for name, claim in claims_of.load(published).items() if claim.artefact in few}
    for jobs in (1, 2):
        told: list[tuple[int, int, str]] = []
        write_site(
            tmp_path / f"by {jobs}", records, few, claims, published, jobs=jobs,
            progress=lambda *done, told=told: told.append(done),
        )  # fmt: skip
        assert [done for done, *_ in told] == list(range(1, len(few) + 1))
        assert {artefact for *_, artefact in told} == set(few)
    again = contents(tmp_path / "by 1")
    assert contents(tmp_path / "by 2") == again
    for name in few:
        assert contents(site / name) == contents(tmp_path / "by 1" / name)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    published = published_numbers.load()
    with pytest.raises(NotASiteError, match="holds something else"):
        write_site(tmp_path, load(), EXPERIMENTS, claims_of.load(published), published)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_failed_build_leaves_the_former_site(tmp_path: Path, records: Records) -> None:
    published = published_numbers.load()
    out = tmp_path / "site"
    few = {Pendulum.id: EXPERIMENTS[Pendulum.id]}
    write_site(out, load(), few, {}, published)
    before = (out / "index.html").read_bytes()
    broken = Records(records.cells.assign(path="gone.jsonl"), records.rows)
    with pytest.raises(FileNotFoundError):
        write_site(out, broken, few, {}, published)
    assert (out / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
