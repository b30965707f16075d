import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from suite import datasets
from suite.declarations import Cell
from suite.experiments import classifier_training
from suite.experiments.chen2018 import table1_training
from suite.experiments.chen2018.table1 import Table1, grid_solvers
from suite.experiments.chen2018.table1_settings import Table1PaperSettings, Table1Settings
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models import ImageClassifier, ODEBlock
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Table1()
ODE_VARIANTS = ("euler-1", "euler-4", "rk4-2", "rk-net", "ode-net-adams", "ode-net-vode", "ode-net")


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/table1")


def make_cell(variant: str, **changes: Any) -> Cell:
    settings = dataclasses.replace(EXPERIMENT.profiles["smoke"], **changes)
    version = datasets.resolve("mnist", download=False, stand_in=True)
    return Cell(EXPERIMENT.id, variant, 0, "smoke", settings, "cpu", (version,))


class Run:
    """One cell run in memory: what it measured and the model it kept."""

    def __init__(self, cell: Cell) -> None:
        kept: list[nn.Module] = []
        meter = CellMeter(cell, None, SilentObserver(), keep=kept.append, trained=lambda spec, seed: nn.Identity())
        EXPERIMENT.run(cell, meter)
        (self.model,) = kept
        self.rows = meter.rows


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def test_every_variant_measures_what_table_1_compares(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        once = (
            "last_minus_best",
            "test_error_last",
            "test_error_best",
            "test_size",
            "parameters",
            "parameters_published",
        )
        assert all(len(values(rows, metric)) == 1 for metric in once)
        per_epoch = ["test_error", "train_loss", "epoch_seconds"]
        per_epoch += ["nfe_forward", "nfe_backward", "unconverged"] if variant in ODE_VARIANTS else []
        for metric in per_epoch:
            assert [row["epoch"] for row in rows if row["metric"] == metric] == [1, 2]
        assert bool(values(rows, "saved_bytes")) == (variant != "mlp")


@pytest.mark.parametrize(
    ("variant", "residual_stem", "convolutional_stem"),
    [
        ("mlp", 238_510, None),
        ("resnet", 601_482, 576_778),
        ("resnet-1", 231_562, 206_858),
        ("no-block", 157_578, 132_874),
        *((variant, 232_970, 208_266) for variant in ODE_VARIANTS),
    ],
)
def test_published_parameters_are_those_of_the_paper_profile_with_either_stem(
    smoke_rows: Mapping[str, Rows], variant: str, residual_stem: int, convolutional_stem: int | None
) -> None:
    assert values(smoke_rows[variant], "parameters_published") == [residual_stem]
    other = [] if convolutional_stem is None else [convolutional_stem]
    assert values(smoke_rows[variant], "parameters_conv_stem") == other


def saved_per_depth(rows: Rows) -> tuple[list[int], list[float]]:
    """Return the depths, ascending and each once, and the bytes saved at them."""
    saved = {row["depth"]: row["value"] for row in rows if row["metric"] == "saved_bytes"}
    return sorted(saved), [saved[depth] for depth in sorted(saved)]


def test_memory_of_direct_backpropagation_grows_linearly_with_depth_and_that_of_the_adjoint_does_not_grow() -> None:
    depths: dict[str, Any] = {
        "probe_blocks": (1, 2, 4),
        "probe_tolerances": (1, 1e-2, 1e-4),
        "probe_repeats": 0,
        "epochs": 1,
    }
    for variant in ("resnet", "rk-net"):
        depth, saved = saved_per_depth(Run(make_cell(variant, **depths)).rows)
        slopes = [(saved[i + 1] - saved[i]) / (depth[i + 1] - depth[i]) for i in range(2)]
        assert len(depth) == 3
        assert slopes[0] > 0
        assert slopes[1] == pytest.approx(slopes[0], rel=0.1)
    depth, saved = saved_per_depth(Run(make_cell("ode-net", **depths)).rows)
    assert depth[-1] > 2 * depth[0]
    assert max(saved) <= 1.01 * min(saved)


def test_each_timed_step_is_a_row_of_its_own(smoke_rows: Mapping[str, Rows]) -> None:
    times: dict[tuple[int, float], list[float]] = defaultdict(list)
    for row in smoke_rows["ode-net"]:
        if row["metric"] == "step_seconds":
            times[row["depth"], row["tolerance"]].append(row["value"])
    settings = Table1Settings.of(EXPERIMENT.profiles["smoke"])
    assert {tolerance for _, tolerance in times} == set(settings.probe_tolerances)
    assert all(len(each) == settings.probe_repeats and min(each) > 0 for each in times.values())


def test_evaluations_are_counted_in_training_minibatches_alone() -> None:
    rows = Run(make_cell("euler-1", test_images=355, test_batch_size=5, probe_repeats=1)).rows
    assert values(rows, "nfe_forward") == [1, 1]
    assert values(rows, "nfe_backward") == [0, 0]


def test_direct_gradients_evaluate_nothing_backwards_and_the_adjoint_does(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in ("rk-net", "ode-net"):
        assert min(values(smoke_rows[variant], "nfe_forward")) > 6
    assert set(values(smoke_rows["rk-net"], "nfe_backward")) == {0}
    assert min(values(smoke_rows["ode-net"], "nfe_backward")) > 6


def test_error_of_the_last_epoch_is_kept_apart_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([4.0, 2.0, 3.0])
    monkeypatch.setattr(table1_training, "error_percent", lambda *arguments: next(errors))
    rows = Run(make_cell("no-block", epochs=3)).rows
    assert values(rows, "test_error") == [4.0, 2.0, 3.0]
    assert values(rows, "test_error_last") == [3.0]
    assert values(rows, "test_error_best") == [2.0]
    assert values(rows, "last_minus_best") == [1.0]


def test_learning_rate_falls_tenfold_after_the_decay_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    def no_training(model: nn.Module, optimiser: torch.optim.Optimizer, batches: object) -> float:
        rates.append(optimiser.param_groups[0]["lr"])
        return 0.0

    monkeypatch.setattr(table1_training, "train_epoch", no_training)
    # Without an optimiser step the schedule warns that it goes first, which is this test's doing.
    with pytest.warns(UserWarning, match="lr_scheduler"):
        Run(make_cell("mlp", epochs=4, decay_epochs=(1, 3)))
    assert rates == pytest.approx([0.1, 0.01, 0.01, 0.001])


def test_variants_see_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    for variant in ("mlp", "no-block"):
        batches: list[torch.Tensor] = []
        train = classifier_training.train_epoch

        def watch(model: nn.Module, *arguments: Any, into: list[torch.Tensor] = batches, train: Any = train) -> float:
            hook = model.register_forward_pre_hook(lambda module, inputs: into.append(inputs[0]))
            loss: float = train(model, *arguments)
            hook.remove()
            return loss

        with monkeypatch.context() as patch:
            patch.setattr(table1_training, "train_epoch", watch)
            Run(make_cell(variant))
        seen[variant] = batches
    assert len(seen["mlp"]) == 2 * 48 // 16
    assert all(torch.equal(mine, yours) for mine, yours in zip(seen["mlp"], seen["no-block"], strict=True))


def test_every_ode_network_is_tested_with_every_solver_of_the_grid(smoke_rows: Mapping[str, Rows]) -> None:
    settings = Table1Settings.of(EXPERIMENT.profiles["smoke"])
    wanted = [solver.axes for solver in grid_solvers(settings)]
    assert [axes["test_solver"] for axes in wanted] == [
        "euler", "euler", "rk4", "implicit_adams", "vode_adams", "dopri5", "dopri5",
    ]  # fmt: skip
    for variant, rows in smoke_rows.items():
        for metric in ("grid_error", "grid_change", "grid_loss", "grid_nfe"):
            found = [row for row in rows if row["metric"] == metric]
            axes = [{name: row[name] for name in row if name.startswith("test_")} for row in found]
            assert axes == (wanted if variant in ODE_VARIANTS else [])
    (before,) = values(smoke_rows["rk-net"], "grid_trained_error")
    for error, change in zip(
        values(smoke_rows["rk-net"], "grid_error"), values(smoke_rows["rk-net"], "grid_change"), strict=True
    ):
        assert change == pytest.approx(error - before, abs=1e-9)


def test_evaluations_of_a_grid_are_those_of_its_methods(smoke_rows: Mapping[str, Rows]) -> None:
    counts = {
        (row["test_solver"], row.get("test_steps")): row["value"]
        for row in smoke_rows["ode-net"]
        if row["metric"] == "grid_nfe"
    }
    assert (counts["euler", 1], counts["euler", 2], counts["rk4", 1]) == (1, 2, 4)


def test_the_adjoint_is_timed_beside_direct_backpropagation_at_the_same_depths(smoke_rows: Mapping[str, Rows]) -> None:
    def timed(metric: str) -> list[tuple[int, float, int]]:
        rows = [row for row in smoke_rows["ode-net"] if row["metric"] == metric]
        return [(row["depth"], row["tolerance"], row["repeat"]) for row in rows]

    assert timed("direct_step_seconds") == timed("step_seconds")
    assert len(timed("step_seconds")) == 2


def test_kept_model_fits_the_one_that_others_build() -> None:
    cell = make_cell("ode-net", epochs=1)
    trained = Run(cell).model
    rebuilt = EXPERIMENT.build_model(cell)
    rebuilt.load_state_dict(trained.state_dict())
    images = torch.rand(4, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(rebuilt(images), trained(images))
    assert isinstance(trained, ImageClassifier)
    assert isinstance(trained.body, ODEBlock)
    assert trained.body.rtol == trained.body.atol == 1e-3


def test_divergence_is_a_floating_point_error() -> None:
    with pytest.raises(FloatingPointError, match="training diverged"):
        Run(make_cell("mlp", learning_rate=1e30, epochs=3))


def test_data_set_smaller_than_asked_for_is_used_whole_and_its_size_recorded() -> None:
    rows = Run(make_cell("mlp", test_images=10_000)).rows
    assert values(rows, "test_size") == [355]


def test_paper_profile_is_the_published_setting() -> None:
    paper = EXPERIMENT.profiles["paper"]
    assert paper == Table1PaperSettings()
    assert Table1Settings().values().items() <= paper.values().items()
    assert all(note.source or note.ours for note in Table1PaperSettings.notes())
