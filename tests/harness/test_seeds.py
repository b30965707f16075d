"""Seeds are derived from named axes and shared with nobody."""

from __future__ import annotations

import torch

from suite.harness import seeds
from tests.harness.tiny_cells import MakeCell, RunTiny


def test_each_axis_moves_the_seed_and_their_grouping_counts() -> None:
    axes: list[tuple[str | int, ...]] = [("a", 1), ("a", 2), ("b", 1), ("a", "1"), ("a1",), ("a", 1, "")]
    assert len({seeds.derive(*each) for each in axes}) == len(axes)


def test_a_seed_is_the_same_on_every_machine() -> None:
    assert seeds.derive("stream", "chen2018/table1", 0, "batches") == 7893377334928377535


def drawn(run_tiny: RunTiny, variant: str, seed: int = 0) -> dict[tuple[str, object], float]:
    _, rows = run_tiny("tiny/drawing", variant, seed)
    return {(row["metric"], row.get("draw")): row["value"] for row in rows}


def test_variants_see_the_same_streams_and_their_own_initialisation(run_tiny: RunTiny) -> None:
    a, b = drawn(run_tiny, "a"), drawn(run_tiny, "b")
    for metric, value in a.items():
        assert (b[metric] == value) == (metric[0] in ("stream", "other_stream"))


def test_a_stream_goes_on_where_it_was_and_differs_from_others(run_tiny: RunTiny) -> None:
    a = drawn(run_tiny, "a")
    assert len({a["stream", 0], a["stream", 1], a["other_stream", None]}) == 3


def test_a_seed_index_moves_every_number_and_repeating_it_none(run_tiny: RunTiny) -> None:
    first, again, other = drawn(run_tiny, "a"), drawn(run_tiny, "a"), drawn(run_tiny, "a", seed=1)
    assert first == again
    assert all(other[metric] != value for metric, value in first.items())


def test_adding_a_variant_moves_nobodys_numbers(run_tiny: RunTiny, make_cell: MakeCell) -> None:
    """A variant's numbers hash its own name and not its place in the list, nor what ran before it."""
    alone = drawn(run_tiny, "b")
    drawn(run_tiny, "a")
    assert drawn(run_tiny, "b") == alone


def test_the_global_generator_is_left_as_it_was(run_tiny: RunTiny) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for experiment, variant in (("tiny/drawing", "a"), ("tiny/using", "declared"), ("tiny/outcomes", "raises")):
        run_tiny(experiment, variant)
    assert torch.equal(torch.get_rng_state(), before)
