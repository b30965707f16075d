"""From ids, globs and overrides to cells in an order in which they can run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.declarations import Cell, DataVersion, Settings
from suite.harness.errors import PlanError
from suite.harness.plan import needed_cells, plan
from tests.harness.tiny_cells import MakeCell

DIGITS = DataVersion("digits", "ab" * 32, "mnist")


def names(cells: list[Cell]) -> list[tuple[str, str, int]]:
    return [(cell.experiment, cell.variant, cell.seed) for cell in cells]


def test_seeds_are_counted_from_zero_and_default_to_the_profile(packages: tuple[str, ...]) -> None:
    variants = ("finishes", "raises", "diverges")
    by_default = plan(["tiny/outcomes"], "quick", "cpu", packages=packages)
    assert names(by_default) == [("tiny/outcomes", variant, seed) for seed in (0, 1) for variant in variants]
    assert {cell.seed for cell in plan(["tiny/outcomes"], "quick", "cpu", 3, packages=packages)} == {0, 1, 2}


def test_needed_cells_come_first_and_once(packages: tuple[str, ...]) -> None:
    cells = plan(["tiny/using", "tiny/training"], "smoke", "cpu", packages=packages)
    keys = [cell.key for cell in cells]
    assert len(set(keys)) == len(keys)
    for cell in cells:
        for needed in needed_cells(cell, packages=packages):
            assert keys.index(needed.key) < keys.index(cell.key)


def test_a_glob_leaves_out_experiments_without_the_profile_and_an_id_does_not(packages: tuple[str, ...]) -> None:
    assert {cell.experiment for cell in plan(["tiny/*"], "quick", "cpu", packages=packages)} == {"tiny/outcomes"}
    with pytest.raises(PlanError, match="tiny/slow has no profile 'quick'; its profiles are smoke"):
        plan(["tiny/slow"], "quick", "cpu", packages=packages)


def test_an_unknown_id_is_named_with_the_known_ones(packages: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match=r"'tiny/absent'; the experiments are tiny/deaths, .*tiny/using"):
        plan(["tiny/absent"], "smoke", "cpu", packages=packages)


def test_overrides_replace_settings_of_the_chosen_experiments_alone(packages: tuple[str, ...]) -> None:
    cells = plan(["tiny/using"], "smoke", "cpu", overrides={"width": "5"}, packages=packages)
    widths = {cell.experiment: cell.settings.values()["width"] for cell in cells}
    assert widths == {"tiny/training": 2, "tiny/using": 5}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"absent": "1"}, "tiny/outcomes: unknown setting 'absent'"), ({"steps": "x"}, "tiny/outcomes: setting 'steps'")],
)
def test_a_wrong_override_is_refused(packages: tuple[str, ...], overrides: dict[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan(["tiny/outcomes"], "smoke", "cpu", overrides=overrides, packages=packages)


def test_settings_of_another_experiment_are_refused(make_cell: MakeCell) -> None:
    settings = make_cell("tiny/outcomes", "finishes").settings
    assert type(settings).of(settings) is settings
    assert Settings.of(settings) is settings
    with pytest.raises(TypeError, match="OutcomeSettings are wanted, not Settings"):
        type(settings).of(Settings())


def test_smoke_cells_see_the_stand_in(make_cell: MakeCell) -> None:
    (version,) = make_cell("tiny/digits", "count").data
    assert (version.name, version.stand_in_for) == ("digits", "mnist")


def test_the_key_changes_with_each_ingredient(make_cell: MakeCell) -> None:
    cell = replace(make_cell("tiny/outcomes", "finishes"), data=(DIGITS,))
    others = [
        replace(cell, experiment="tiny/other"),
        replace(cell, variant="raises"),
        replace(cell, seed=1),
        replace(cell, profile="quick"),
        replace(cell, settings=cell.settings.override({"steps": "4"})),
        replace(cell, settings=cell.settings.override({"rates": "0.5"})),
        replace(cell, device="cuda"),
        replace(cell, data=(replace(DIGITS, digest="cd" * 32),)),
        replace(cell, data=(replace(DIGITS, stand_in_for=""),)),
        replace(cell, data=()),
        replace(cell, revision=2),
    ]
    assert len({cell.key, *(other.key for other in others)}) == 1 + len(others)


def test_the_key_is_the_same_on_every_machine(make_cell: MakeCell) -> None:
    """The literal was computed once; a change here makes every record that anybody keeps stale."""
    assert make_cell("tiny/outcomes", "finishes").key == "5cdd2f85dcea4548"
