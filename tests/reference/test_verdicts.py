"""From synthetic records to verdicts: which records are chosen, and what keeps them from deciding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pytest

from reference.claims import Claim
from reference.published import Confidence, PublishedNumber
from reference.selection import at_profile_settings
from reference.statistics import Scope
from reference.verdicts import Verdict, verdicts
from suite.declarations import Experiment, Varying
from suite.experiments.chen2018.table1 import Table1

EXPERIMENT = "chen2018/table1"
NUMBER = PublishedNumber(
    id="chen2018/table1/net/test_error",
    artefact=EXPERIMENT,
    quantity="test error",
    unit="%",
    value=0.42,
    source="Table 1",
    confidence="printed",
)
PRINTED = Claim(
    id="chen2018/table1/net-error",
    artefact=EXPERIMENT,
    statement="The error is 0.42 %.",
    published=(NUMBER.id,),
    judged_from="paper",
    seeds=3,
    margin=0.15,
    judge="equals_published",
    arguments={"metric": "test_error", "variant": "net", "margin": 0.15},
    scope=Scope({}),
    data="mnist",
)
PAIRED = replace(
    PRINTED,
    published=(),
    judge="equivalent",
    arguments={"metric": "test_error", "variant": "net", "baseline": "base", "margin": 0.15},
)
GOOD = (0.41, 0.42, 0.43)
BAD = (0.91, 0.92, 0.93)


@dataclass
class Bench:
    """Synthetic records, in the columns of ``suite.harness.records``."""

    cells: list[dict[str, object]] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)

    def run(self, variant: str, errors: Sequence[float], *, day: int = 1, **changes: object) -> None:
        """Add one record for each seed; an error that is not a number is one of a diverged cell."""
        for seed, error in enumerate(errors):
            cell = {
                "path": f"{len(self.cells)}.jsonl",
                "experiment": EXPERIMENT,
                "variant": variant,
                "seed": seed,
                "profile": "paper",
                "device": "cpu",
                "key": "k",
                "revision": 1,
                "status": "diverged" if math.isnan(error) else "finished",
                "error": "FloatingPointError: loss is nan" if math.isnan(error) else "",
                "code": "new",
                "commit": "c0ffee",
                "dirty": False,
                "start": f"2026-01-{day:02d}T00:00:{seed:02d}+00:00",
                "seconds": 1.0,
                "torch": "2.13.0",
                "python": "3.12",
                "device_name": "EPYC",
                "cpu": "EPYC",
                "threads": 1,
                "data": "mnist 0123456789ab",
                "stand_in_for": "",
                "settings": '{"epochs": 160}',
                "machine": "",
                **changes,
            }
            cell.setdefault("same_code", cell["code"])
            self.cells.append(cell)
            if cell["status"] == "finished":
                metric = str(changes.get("metric", "test_error"))
                unit = "s" if metric == "step_seconds" else "%"
                self.rows.append({**cell, "metric": metric, "value": error, "unit": unit})

    def verdicts(
        self, claim: Claim, number: PublishedNumber = NUMBER, experiments: Mapping[str, Experiment] | None = None
    ) -> list[Verdict]:
        cells = pd.DataFrame(self.cells)
        rows = pd.DataFrame(self.rows).drop(columns=[*cells.columns.difference(ROW_COLUMNS)])
        return verdicts([claim], cells, rows, {number.id: number}, experiments)

    def verdict(
        self, claim: Claim, number: PublishedNumber = NUMBER, experiments: Mapping[str, Experiment] | None = None
    ) -> Verdict:
        (only,) = self.verdicts(claim, number, experiments)
        return only


ROW_COLUMNS = ["path", "experiment", "variant", "seed", "profile", "device", "key", "code", "stand_in_for"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_complete_set_at_the_paper_profile_is_judged_and_carries_its_provenance(bench: Bench) -> None:
    bench.run("net", GOOD)
    verdict = bench.verdict(PRINTED)
    assert verdict.status == verdict.words == "reproduced"
    assert verdict.measured == pytest.approx(0.42)
    assert verdict.low is not None
    assert verdict.low < 0.42
    assert (verdict.n, verdict.unit, verdict.profile, verdict.device) == (3, "%", "paper", "cpu")
    assert (verdict.code, verdict.commit, verdict.torch, verdict.stand_in) == ("new", "c0ffee", "2.13.0", "")
    assert (verdict.seeds, verdict.records) == ((0, 1, 2), ("0.jsonl", "1.jsonl", "2.jsonl"))


def test_without_records_a_claim_is_not_tested() -> None:
    columns = ["experiment", "variant", "device", "profile", "settings", "metric", "unit", "path"]
    (verdict,) = verdicts([PRINTED], pd.DataFrame(columns=columns), pd.DataFrame(columns=columns), {NUMBER.id: NUMBER})
    assert verdict.words == "not tested (no records of chen2018/table1)"
    assert (verdict.measured, verdict.n, verdict.device) == (None, 0, "")


def test_too_few_seeds_are_not_tested_but_shown(bench: Bench) -> None:
    bench.run("net", GOOD[:1])
    verdict = bench.verdict(PRINTED)
    assert verdict.words == "not tested (too few seeds: 1 of 3)"
    assert (verdict.measured, verdict.low, verdict.n) == (0.41, None, 1)


def test_a_claim_of_a_device_is_tested_on_that_device_alone(bench: Bench) -> None:
    claim = replace(PRINTED, device="cuda")
    bench.run("net", GOOD)
    assert bench.verdict(claim).words == "not tested (needs a CUDA device, measured on a CPU)"
    bench.run("net", BAD, device="cuda")
    verdict = bench.verdict(claim)
    assert (verdict.device, verdict.status) == ("cuda", "not reproduced")
    assert [each.device for each in bench.verdicts(PRINTED)] == ["cpu", "cuda"]


def test_stand_in_data_does_not_test_a_printed_number(bench: Bench) -> None:
    bench.run("net", GOOD, data="digits 0123456789ab", stand_in_for="mnist")
    verdict = bench.verdict(PRINTED)
    assert verdict.words == "not tested (stand-in data: digits for mnist)"
    assert verdict.stand_in == "digits for mnist"
    assert verdict.measured == pytest.approx(0.42)


def test_stand_in_data_tests_a_claim_that_is_not_about_the_data(bench: Bench) -> None:
    bench.run("net", GOOD, data="digits 0123456789ab", stand_in_for="mnist")
    verdict = bench.verdict(replace(PRINTED, data=""))
    assert (verdict.status, verdict.stand_in) == ("reproduced", "digits for mnist")


def test_below_its_profile_a_claim_is_not_tested_but_shown(bench: Bench) -> None:
    bench.run("net", GOOD, profile="quick")
    verdict = bench.verdict(PRINTED)
    assert verdict.words == "not tested (needs profile paper, measured at quick)"
    assert verdict.measured == pytest.approx(0.42)
    assert (verdict.n, verdict.profile) == (3, "quick")
    assert bench.verdict(replace(PRINTED, judged_from="quick")).status == "reproduced"


@pytest.mark.parametrize("confidence", ["memory", "unverified", "pilot", "independent"])
def test_a_number_without_a_sure_source_is_never_judged_against(bench: Bench, confidence: Confidence) -> None:
    bench.run("net", GOOD)
    verdict = bench.verdict(PRINTED, replace(NUMBER, confidence=confidence))
    reason = f"the published number {NUMBER.id} is {confidence} and never judged against"
    assert verdict.words == f"not tested ({reason})"
    assert verdict.measured == pytest.approx(0.42)


def test_every_obstacle_is_named(bench: Bench) -> None:
    bench.run("net", GOOD[:1], profile="quick", data="digits 0", stand_in_for="mnist")
    assert bench.verdict(PRINTED).reason == (
        "stand-in data: digits for mnist; needs profile paper, measured at quick; too few seeds: 1 of 3"
    )


def test_stand_in_records_beside_a_set_that_cannot_decide_are_named(bench: Bench) -> None:
    bench.run("net", GOOD, profile="laptop")
    bench.run("net", GOOD[:1], profile="quick", data="digits 0", stand_in_for="mnist")
    verdict = bench.verdict(PRINTED)
    assert verdict.words == (
        "not tested (stand-in data in the quick records: digits for mnist; needs profile paper, measured at laptop)"
    )
    assert verdict.stand_in == ""  # the value beside it was measured on MNIST
    bench.run("net", GOOD, day=3)
    assert bench.verdict(PRINTED).words == "reproduced"


def test_the_newest_code_is_judged_and_not_the_best(bench: Bench) -> None:
    bench.run("net", GOOD, code="old", day=1)
    bench.run("net", BAD, code="new", day=2)
    verdict = bench.verdict(PRINTED)
    assert (verdict.status, verdict.code) == ("not reproduced", "new")


def test_seeds_of_different_code_never_mix(bench: Bench) -> None:
    bench.run("net", GOOD, code="old", day=1)
    bench.run("net", BAD[:2], code="new", day=2)
    verdict = bench.verdict(PRINTED)
    assert (verdict.status, verdict.code, verdict.n) == ("reproduced", "old", 3)


@pytest.mark.parametrize(
    "difference",
    [{"code": "old"}, {"torch": "2.6.0"}, {"revision": 2}, {"machine": "box"}, {"settings": "{}"}, {"data": "mnist 1"}],
)
def test_variants_of_different_origin_are_never_compared(bench: Bench, difference: dict[str, Any]) -> None:
    same: dict[str, Any] = {"settings": "{'epochs': 1}"} if "settings" in difference else {}
    bench.run("net", GOOD, **same)
    bench.run("base", GOOD, **difference)
    verdict = bench.verdict(PAIRED)
    assert verdict.status == "not tested"
    assert "too few seeds: 0 of 3, no record of" in verdict.reason


def test_the_highest_profile_is_judged_even_when_a_lower_one_is_newer(bench: Bench) -> None:
    bench.run("net", BAD, profile="paper", day=1)
    bench.run("net", GOOD, profile="laptop", day=2)
    verdict = bench.verdict(replace(PRINTED, judged_from="laptop"))
    assert (verdict.status, verdict.profile) == ("not reproduced", "paper")


def test_an_unfinished_higher_profile_is_named_beside_a_complete_lower_one(bench: Bench) -> None:
    bench.run("net", BAD[:1], profile="paper", day=2)
    bench.run("net", GOOD, profile="laptop", day=1)
    verdict = bench.verdict(replace(PRINTED, judged_from="laptop"))
    assert (verdict.status, verdict.profile) == ("reproduced", "laptop")
    assert verdict.reason.endswith("; profile paper has too few seeds")


def test_each_class_of_device_has_its_own_verdict(bench: Bench) -> None:
    bench.run("net", GOOD, device="cpu")
    bench.run("net", BAD, device="cuda", day=2)
    found = {verdict.device: verdict.status for verdict in bench.verdicts(PRINTED)}
    assert found == {"cpu": "reproduced", "cuda": "not reproduced"}


def test_a_diverged_cell_of_the_newest_code_is_not_hidden_by_older_code(bench: Bench) -> None:
    bench.run("net", GOOD, code="old", day=1)
    bench.run("net", (0.41, float("nan"), 0.43), code="new", day=2)
    verdict = bench.verdict(PRINTED)
    assert verdict.status == "not tested"
    assert verdict.reason == "too few seeds: 2 of 3; net seed 1 diverged (FloatingPointError: loss is nan)"
    assert verdict.measured == pytest.approx(0.42)
    assert (verdict.n, verdict.unfinished) == (2, ("4.jsonl",))


def test_a_diverged_cell_beside_enough_others_is_left_out_by_name(bench: Bench) -> None:
    bench.run("net", (*GOOD, float("nan")))
    verdict = bench.verdict(PRINTED)
    assert (verdict.status, verdict.n) == ("reproduced", 3)
    assert "; left out: net seed 3 diverged" in verdict.reason


def test_a_repeated_cell_counts_once_with_its_latest_record(bench: Bench) -> None:
    bench.run("net", BAD, day=1)
    bench.run("net", GOOD, day=2)
    verdict = bench.verdict(PRINTED)
    assert (verdict.status, verdict.n) == ("reproduced", 3)


def test_pairs_use_only_the_seeds_that_both_variants_finished(bench: Bench) -> None:
    bench.run("net", (0.40, 0.50, 0.60, 0.70))
    bench.run("base", (0.41, float("nan"), 0.61, 0.71))
    verdict = bench.verdict(PAIRED)
    assert (verdict.status, verdict.seeds, verdict.n) == ("reproduced", (0, 2, 3), 3)
    assert verdict.measured == pytest.approx(-0.01)


def test_times_of_different_devices_never_mix_and_errors_may(bench: Bench) -> None:
    bench.run("net", GOOD, device_name="EPYC")
    bench.run("base", GOOD, device_name="Xeon")
    assert bench.verdict(PAIRED).status == "reproduced"
    for row in bench.rows:
        row.update({"metric": "step_seconds", "unit": "s"})
    timed = replace(PAIRED, arguments={**PAIRED.arguments, "metric": "step_seconds"})
    assert bench.verdict(timed).status == "not tested"


def test_code_that_gives_the_same_numbers_is_one_code(bench: Bench) -> None:
    bench.run("net", GOOD, code="older", same_code="newer")
    bench.run("base", GOOD, code="newer", same_code="newer", day=2)
    verdict = bench.verdict(PAIRED)
    assert verdict.status == "reproduced"
    assert verdict.code == "newer, older"


def test_times_come_from_exactly_one_code(bench: Bench) -> None:
    for day, code in enumerate(("older", "newer"), start=1):
        bench.run("net", GOOD, code=code, same_code="newer", day=day)
    bench.run("base", GOOD, code="older", same_code="newer")
    for row in bench.rows:
        row.update({"metric": "step_seconds", "unit": "s"})
    timed = replace(PAIRED, arguments={**PAIRED.arguments, "metric": "step_seconds"})
    verdict = bench.verdict(timed)
    assert (verdict.code, verdict.judged) == ("older", True)


@pytest.mark.parametrize(
    ("varying", "judged"),
    [
        (Varying(), True),
        (Varying(metrics=("test_error",)), False),
        (Varying(variants=("base",)), False),
        (Varying(variants=("another",)), True),
        (Varying(levels=(("profile", "paper"),)), False),
    ],
)
def test_what_an_experiment_declares_as_varying_is_judged_like_times(
    bench: Bench, varying: Varying, judged: bool
) -> None:
    bench.run("net", GOOD, code="older", same_code="newer")
    bench.run("base", GOOD, code="newer", same_code="newer")
    declaring = type("Declaring", (Table1,), {"varying": varying, "profiles": {}})()
    assert bench.verdict(PAIRED, experiments={EXPERIMENT: declaring}).judged is judged


def test_a_claim_that_cannot_be_computed_says_why(bench: Bench) -> None:
    bench.run("net", GOOD)
    verdict = bench.verdict(replace(PRINTED, arguments={**PRINTED.arguments, "metric": "loss"}))
    assert verdict.words == "not tested (no loss of net)"


def test_a_withdrawn_claim_is_tested_all_the_same(bench: Bench) -> None:
    bench.run("net", GOOD)
    assert bench.verdict(replace(PRINTED, status="withdrawn")).status == "reproduced"


def test_cells_with_a_setting_replaced_are_left_out() -> None:
    cells = pd.DataFrame(
        {
            "experiment": [EXPERIMENT, EXPERIMENT, "else/where"],
            "profile": ["paper"] * 3,
            "settings": ['{"epochs": 160}', '{"epochs": 1}', '{"epochs": 1}'],
        }
    )
    kept = at_profile_settings(cells, {(EXPERIMENT, "paper"): '{"epochs": 160}'})
    assert list(kept.index) == [0, 2]
