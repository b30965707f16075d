"""The parts of a compiled step are drawn one after the other, and the caption says where the difference lies."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from reference.crosschecks.speed import Speed
from reports.figures.crosscheck import speed, speed_parts
from reports.figures.drawing import Drawing
from tests.reports.drawn import Row, evidence

pytestmark = pytest.mark.usefixtures("light")

OURS = {"whole": 300, "start": 40, "host": 30, "call": 230, "entry": 20, "kernels": 110, "products": 100}
THEIRS = {"whole": 200, "start": -10, "around": 120, "products": 90}
CASE: Row = {"variant": "dopri5-forward", "field": "small", "batch": 128}


def _rows(ours: dict[str, int], theirs: dict[str, int], **case: object) -> list[Row]:
    return [
        {**CASE, **case, "metric": "step_seconds", "value": 1e-6 * value, "library": library, "part": part}
        for library, parts in (("suite-compiled", ours), ("diffrax", theirs))
        for part, value in parts.items()
    ]


def _counts(**case: object) -> list[Row]:
    counts = {"step_kernels": 19.0, "step_products": 18.0}
    return [
        {**CASE, **case, "metric": metric, "value": value, "library": "suite-compiled"}
        for metric, value in counts.items()
    ]


def _drawn(rows: list[Row]) -> Drawing:
    return speed_parts.draw(evidence(Speed, rows))["parts"]


def test_bars_of_a_library_end_where_its_step_does_and_parts_below_zero_lie_left_of_it() -> None:
    drawing = _drawn(_rows(OURS, THEIRS))
    assert drawing.figure is not None
    (axes,) = drawing.figure.axes
    bars = [patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle)]
    ours, theirs = ([bar for bar in bars if round((bar.y0 + bar.y1) / 2) == place] for place in (0, 1))
    assert (min(bar.xmin for bar in ours), max(bar.xmax for bar in ours)) == pytest.approx((0, 300))
    assert (min(bar.xmin for bar in theirs), max(bar.xmax for bar in theirs)) == pytest.approx((-10, 210))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ours", "diffrax"]


def test_the_caption_names_the_counts_and_where_the_difference_lies() -> None:
    drawing = _drawn(_rows(OURS, THEIRS) + _counts())
    assert "19 fused kernels and 18 matrix products in dopri5" in drawing.caption
    assert "ours takes 300 µs a step, 1.50 times the 200 µs of diffrax" in drawing.caption
    assert (
        "The difference of +100 µs is the matrix products +10 µs, what is around them in a step +40 µs, "
        "the start of the solve +50 µs: most of what remains is the start of the solve."
    ) in drawing.caption
    assert "suite-compiled 300, of which matrix products 100, fused kernels, memory 110" in drawing.alternative


def test_where_ours_is_faster_nothing_remains_to_be_caught() -> None:
    assert "nothing remains to be caught" in _drawn(_rows({**OURS, "whole": 180, "products": -20}, THEIRS)).caption


def test_a_method_without_a_peer_has_a_panel_of_its_own() -> None:
    drawing = _drawn(_rows(OURS, THEIRS) + _rows(OURS, {}, variant="rk4-forward") + _counts(variant="rk4-forward"))
    assert drawing.figure is not None
    assert [axes.get_title(loc="left") for axes in drawing.figure.axes] == [
        "dopri5, field small, batch 128",
        "rk4, field small, batch 128",
    ]
    assert "rk4, field small, batch 128: ours 300 µs; diffrax was not measured." in drawing.caption


def test_cores_are_told_where_diffrax_computes_on_several() -> None:
    cores = [
        {**CASE, "metric": "cores", "value": value, "library": library}
        for library, value in (("suite-compiled", 1.0), ("diffrax", 1.8))
    ]
    assert "diffrax computes on 1.8 cores, ours on 1." in _drawn(_rows(OURS, THEIRS) + cores).caption


def test_the_speed_page_has_the_parts_and_says_where_there_are_none() -> None:
    without = speed.draw(evidence(Speed, [{**CASE, "metric": "other", "value": 1.0}]))["parts"]
    assert without.figure is None
    assert "step_seconds" in without.caption
    assert speed.draw(evidence(Speed, _rows(OURS, THEIRS)))["parts"].figure is not None
