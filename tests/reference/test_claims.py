"""Claims as data: the ones of this repository, and every mistake that a claim can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference import published
from reference.claims import ClaimError, load
from suite.harness.registry import experiments

GOOD = """
[[claim]]
id = "paper/table/words"
artefact = "paper/table"
statement = "It is small."
published = ["paper/table/number"]
judged_from = "paper"
seeds = 3
judge = "below"
arguments = { metric = "error", variant = "net", threshold = 0.7 }
"""


def write(folder: Path, text: str) -> None:
    file = folder / "paper" / "table.toml"
    file.parent.mkdir()
    file.write_text(text)


def test_every_claim_of_the_repository_loads_and_names_variants_of_its_experiment() -> None:
    claims, known = load(published.load()), experiments()
    assert len({claim.id for claim in claims.values() if claim.artefact == "chen2018/table1"}) >= 16
    for claim in claims.values():
        if claim.artefact in known:
            assert set(claim.variants) <= set(known[claim.artefact].variants), claim.id


def test_no_claim_names_a_planning_run_which_would_keep_it_from_being_judged() -> None:
    numbers = published.load()
    named = {number for claim in load(numbers).values() for number in claim.published}
    assert [number for number in sorted(named) if numbers[number].confidence == "pilot"] == []


def test_table_1_is_claimed_row_by_row_as_printed() -> None:
    numbers = published.load()
    claims = load(numbers)
    printed = {"mlp": (1.60, 240_000), "resnet": (0.41, 600_000), "rk-net": (0.47, 220_000), "ode-net": (0.42, 220_000)}
    for row, (error, parameters) in printed.items():
        of_error, of_count = claims[f"chen2018/table1/{row}-error"], claims[f"chen2018/table1/{row}-parameters"]
        assert numbers[of_error.published[0]].value == error
        assert numbers[of_count.published[0]].value == parameters
        assert (of_error.judged_from, of_error.seeds, of_error.data) == ("paper", 3, "mnist")
        assert (of_count.judged_from, of_count.data) == ("quick", "")


def test_a_claim_on_a_printed_error_needs_the_printed_data_and_the_paper_profile() -> None:
    for claim in load(published.load()).values():
        if claim.judge == "equals_published" and claim.arguments["metric"] == "test_error_last":
            assert claim.data == "mnist"
            assert claim.judged_from == "paper"


def test_the_withdrawn_claim_is_there_and_controls_are_named_as_ours() -> None:
    claims = load(published.load())
    assert [claim.id for claim in claims.values() if claim.status] == ["chen2018/table1/parameter-efficiency"]
    controls = [claim for claim in claims.values() if "/control-" in claim.id]
    assert {claim.origin for claim in controls} == {"ours"}
    of_table_1 = [claim for claim in controls if claim.artefact == "chen2018/table1"]
    assert {"no-block", "resnet-1", "euler-1"} <= {claim.arguments.get("baseline") for claim in of_table_1}


def test_what_is_claimed_of_a_card_needs_one_at_the_paper_profile() -> None:
    claims = {claim.id.rpartition("/")[2]: claim for claim in load(published.load()).values() if "/gpu-" in claim.id}
    assert {(claim.device, claim.judged_from) for claim in claims.values()} == {("cuda", "paper")}
    for name in ("dopri5", "rk4", "adjoint"):
        claim = claims[f"gpu-{name}-torchdiffeq"]
        assert (claim.arguments["below"], claim.arguments["high"]) == (["torchdiffeq"], 1 / 8)
        assert claim.scope.where == {"field": "2-64-64-2", "batch": 128}
    filled, flat = claims["gpu-large-batch-overhead"], claims["gpu-adjoint-flat"]
    assert (filled.arguments["high"], filled.scope.where["batch"]) == (1.15, 65536)
    assert flat.scope.where == {"steps": [10, 100, 1000, 10_000]}
    declared = experiments()
    for claim, name in ((filled, "batch"), (flat, "steps")):
        sweeps = declared[claim.artefact].profiles["paper"].values()
        wanted = claim.scope.where[name]
        listed = set(wanted) if isinstance(wanted, list) else {wanted}
        assert listed <= set(sweeps["small_batches" if name == "batch" else "steps"])


def test_a_claim_is_read_with_its_variants_margin_and_scope(tmp_path: Path) -> None:
    text = GOOD.replace('variant = "net"', 'variants = ["a", "b"], where = { wrt = "y0" }, each = ["problem"]')
    write(tmp_path, text)
    claim = load({"paper/table/number"}, tmp_path)["paper/table/words"]
    assert claim.variants == ("a", "b")
    assert claim.metrics == ("error",)
    assert (claim.scope.where, claim.scope.each) == ({"wrt": "y0"}, ("problem",))
    assert claim.arguments == {"metric": "error", "threshold": 0.7}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('judge = "below"', 'judge = "beneath"', "unknown judge 'beneath'"),
        ('"paper/table/number"', '"paper/other"', "unknown published number 'paper/other'"),
        ('judged_from = "paper"', 'judged_from = "big"', "unknown profile 'big'; it is one of 'smoke', 'quick'"),
        ("seeds = 3\n", "", "the field 'seeds' is missing"),
        ("seeds = 3", "seeds = 0", "at least one seed, not 0"),
        ("seeds = 3", 'seeds = "3"', "the field 'seeds' cannot be '3'"),
        ("seeds = 3", "seeds = 3\nseed = 3", "unknown field 'seed'"),
        ("seeds = 3", "seeds = 3\nmargin = 0.1", "judge 'below' has no argument 'margin'"),
        ("seeds = 3", 'seeds = 3\nstatus = "old"', "unknown status 'old'"),
        ("seeds = 3", 'seeds = 3\norigin = "theirs"', "unknown origin 'theirs'"),
        ("seeds = 3", 'seeds = 3\ndevice = "gpu"', "unknown device 'gpu'; it is one of 'cpu', 'cuda'"),
        ("threshold = 0.7", "limit = 0.7", "judge 'below' has no argument 'limit'"),
        ("threshold = 0.7", 'threshold = "low"', "argument 'threshold' of judge 'below' is a number"),
        ("threshold = 0.7", "margin = 0.7", "the margin is a field of the claim"),
        (", threshold = 0.7", "", "judge 'below' needs the argument 'threshold'"),
        ('variant = "net", ', "", "either the argument 'variant' or 'variants' is needed"),
        ('variant = "net"', 'variant = "net", each = "epoch"', "argument 'each' is a list"),
        ('id = "paper/table/words"', 'id = "words"', "the id starts with the artefact"),
        ('"paper/table', '"paper/figure', "its artefact is 'paper/figure', whose claims are in another file"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_claim(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ClaimError, match=message) as caught:
        load({"paper/table/number", "paper/figure/number"}, tmp_path)
    assert str(caught.value).startswith("paper/table.toml: claim ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[claim", "paper/table.toml: not TOML"),
        ("[claims]\n", r"paper/table.toml: holds \[\[claim\]\] tables and nothing else, not claims"),
        ("", r"paper/table.toml: holds \[\[claim\]\] tables and nothing else, not nothing"),
        (GOOD + GOOD, "paper/table.toml: claim 'paper/table/words': this id is used twice"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ClaimError, match=message):
        load({"paper/table/number"}, tmp_path)
