from __future__ import annotations

from pathlib import Path

import pytest

from reference.published import CONFIDENCES, PAPERS, PublishedNumber, PublishedNumberError, load

NUMBERS = load()

EXPERIMENTS = {
    "chen2018": "fig1 table1 fig3 theorem1 fig4 fig5 fig7 table2 section6 time-series",
    "massaroli2020": "theorems fig1 fig2 table1 table1-cifar10 higher-order fig3 reflection fig4 fig5 fig6 "
    "regularisation activations",
    "poli2020": "theorem1 mnist cifar10 wall-clock alpha-family fig1 tracking lorenz",
    "crosscheck": "gradients memory work-precision speed pareto precision",
}
ENTRY = {
    "id": '"chen2018/table1/ode-net/test_error"',
    "artefact": '"chen2018/table1"',
    "quantity": '"test error"',
    "unit": '"%"',
    "source": '"Table 1"',
    "confidence": '"printed"',
    "value": "0.42",
}
CURVE = {
    **ENTRY,
    "value": None,
    "x": "[1, 2]",
    "y": "[3, 4]",
    "x_quantity": '"epoch"',
    "x_unit": '"1"',
}


def entry(base: dict[str, str] | dict[str, str | None], **changes: str | None) -> str:
    fields = {**base, **changes}
    return "[[number]]\n" + "".join(f"{key} = {text}\n" for key, text in fields.items() if text is not None)


def load_text(folder: Path, text: str) -> dict[str, PublishedNumber]:
    (folder / "chen2018.toml").write_text(text)
    return load("chen2018", folder=folder)


def test_every_paper_has_numbers_under_its_own_name() -> None:
    assert PAPERS == ("chen2018", "massaroli2020", "poli2020")
    for paper in PAPERS:
        numbers = load(paper)
        assert len(numbers) > 250
        assert all(name == number.id and number.paper == paper for name, number in numbers.items())
    assert len(NUMBERS) == sum(len(load(paper)) for paper in PAPERS)


def test_every_number_belongs_to_an_experiment_of_the_suite() -> None:
    known = {f"{group}/{name}" for group, names in EXPERIMENTS.items() for name in names.split()}
    assert {number.artefact for number in NUMBERS.values()} <= known


def test_words_of_confidence_are_those_of_the_records() -> None:
    words = {"printed", "released", "digitised", "calculated", "independent", "pilot", "memory", "unverified"}
    assert set(CONFIDENCES) == words == {number.confidence for number in NUMBERS.values()}


def test_only_four_words_of_confidence_may_be_judged_against() -> None:
    judged = {number.confidence for number in NUMBERS.values() if number.judgeable}
    shown = {number.confidence for number in NUMBERS.values() if not number.judgeable}
    assert judged == {"printed", "released", "digitised", "calculated"}
    assert shown == {"independent", "pilot", "memory", "unverified"}


@pytest.mark.parametrize(
    "name",
    [
        "massaroli2020/table1/mnist/node/parameters",
        "poli2020/wall-clock/mnist/speed-up",
        "poli2020/mnist/accuracy-loss/lower",
        "poli2020/mnist/setting/paper-steps",
        "chen2018/fig4/rezende-mohamed/learning-rate",
        "chen2018/fig3/c/pilot/dopri5",
    ],
)
def test_numbers_without_a_source_and_planning_runs_are_never_judged(name: str) -> None:
    assert not NUMBERS[name].judgeable


def test_sources_of_planning_runs_and_memory_never_pass_as_published() -> None:
    for number in NUMBERS.values():
        if "planning run" in number.source or "estimate of ours" in number.source:
            assert number.confidence == "pilot", number.id
        if "memory" in number.source or "recalled" in number.source:
            assert number.confidence in ("memory", "unverified"), number.id
        if "calculated by us" in number.source:
            assert number.confidence == "calculated", number.id
        if "digitised by us" in number.source:
            assert number.confidence == "digitised", number.id


def test_sources_name_no_file_of_a_machine() -> None:
    for number in NUMBERS.values():
        words = f"{number.source} {number.note} {number.uncertainty}"
        assert "/work" not in words, number.id
        assert "/tmp" not in words, number.id
        assert "[" not in number.source, f"{number.id} uses a tag that a reader cannot resolve"


def test_parameter_efficiency_is_the_one_withdrawn_number() -> None:
    withdrawn = [number.id for number in NUMBERS.values() if number.status == "withdrawn"]
    assert withdrawn == ["chen2018/table1/parameter-efficiency/ratio"]


def test_an_entry_is_read_with_all_its_fields(tmp_path: Path) -> None:
    extra = {"low": "0.4", "high": "0.5", "note": '"n"', "uncertainty": '"u"', "status": '"withdrawn"'}
    (number,) = load_text(tmp_path, entry(ENTRY, **extra)).values()
    assert (number.value, number.low, number.high) == (0.42, 0.4, 0.5)
    assert (number.note, number.uncertainty, number.status) == ("n", "u", "withdrawn")
    assert not number.is_curve
    assert str(number) == "0.42 % (0.4 to 0.5)"


def test_a_range_without_a_value_is_read(tmp_path: Path) -> None:
    (number,) = load_text(tmp_path, entry(ENTRY, value=None, low="0.3", high="0.4", unit='"1"')).values()
    assert number.value is None
    assert str(number) == "0.3 to 0.4"


def test_a_curve_is_read_point_by_point(tmp_path: Path) -> None:
    (number,) = load_text(tmp_path, entry(CURVE, y_low="[2, 3]", y_high="[4, 5]")).values()
    assert number.is_curve
    assert (number.x, number.y, number.y_low, number.y_high) == ((1.0, 2.0), (3.0, 4.0), (2.0, 3.0), (4.0, 5.0))
    assert str(number) == "2 points over epoch"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (entry(ENTRY) + entry(ENTRY), "the id occurs twice"),
        (entry(ENTRY, id='"poli2020/table1/x"'), "the id must start with chen2018/"),
        (entry(ENTRY, id='"chen2018/Table 1"'), "is not a path of lower-case words"),
        (entry(ENTRY, artefact='"table1"'), "is not an experiment id"),
        (entry(ENTRY, confidence='"certain"'), "unknown confidence 'certain'; the words are printed, released"),
        (entry(ENTRY, status='"gone"'), "unknown status 'gone'"),
        (entry(ENTRY, source='" "'), "the field 'source' is empty"),
        (entry(ENTRY, colour='"red"'), "unknown field 'colour'"),
        (entry(ENTRY, note="3"), "'note' is text, not 3"),
        (entry(ENTRY, value='"0.42"'), "'value' takes numbers, not '0.42'"),
        (entry(ENTRY, value="true"), "'value' takes numbers, not True"),
        (entry(ENTRY, value="nan"), "a number is not finite"),
        (entry(ENTRY, value=None), "either a value .* not both or neither"),
        (entry(CURVE, value="1"), "either a value .* not both or neither"),
        (entry(CURVE, low="1", high="2"), "either a value .* not both or neither"),
        (entry(CURVE, x="3"), "'x' is a list of numbers, not 3"),
        (entry(CURVE, x="[1]"), "x has 1 numbers and y has 2"),
        (entry(CURVE, x=None), "x has 0 numbers and y has 2"),
        (entry(CURVE, x="[1]", y="[1]"), "at least two points"),
        (entry(CURVE, x="[2, 2]"), "rise strictly or fall strictly"),
        (entry(CURVE, x_unit=None), "needs x_quantity and x_unit"),
        (entry(ENTRY, x_unit='"1"'), "belong to a curve"),
        (entry(ENTRY, low="0.1"), "needs both low and high"),
        (entry(ENTRY, low="0.5", high="0.6"), "leaves out the value"),
        (entry(ENTRY, value=None, low="2", high="1"), "is empty"),
        (entry(CURVE, y_low="[1, 1]"), "y_low and y_high need 2 numbers each"),
        (entry(CURVE, y_low="[3, 4]", y_high="[3, 3]"), "y leaves the range"),
        ("[[number]\n", "cannot be read as TOML"),
        ("number = 3\n", "holds \\[\\[number\\]\\] entries and nothing else"),
        ("title = 'x'\n" + entry(ENTRY), "holds \\[\\[number\\]\\] entries and nothing else"),
    ],
)
def test_a_bad_entry_is_refused_with_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(PublishedNumberError, match=sentence) as caught:
        load_text(tmp_path, text)
    assert str(caught.value).startswith("chen2018.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["id", "artefact", "quantity", "unit", "source", "confidence"])
def test_each_mandatory_field_is_asked_for(tmp_path: Path, field: str) -> None:
    name = "number 1, which has no id" if field == "id" else "chen2018/table1/ode-net/test_error"
    with pytest.raises(PublishedNumberError, match=f"{name}: the field '{field}' is missing"):
        load_text(tmp_path, entry(ENTRY, **{field: None}))


def test_an_unknown_paper_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishedNumberError, match="the papers are chen2018, massaroli2020, poli2020"):
        load("dupont2019")
    with pytest.raises(PublishedNumberError, match=r"chen2018\.toml: cannot be read"):
        load("chen2018", folder=tmp_path)
