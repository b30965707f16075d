"""Fig. 4: what is trained, measured and compared, against independent calculations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from suite.datasets.rezende_mohamed import ENERGIES, WINDOW
from suite.declarations import Cell
from suite.experiments.chen2018 import density_matching, fig4
from suite.experiments.chen2018.density_matching import Schedule, energies, mass_on_grid, match, train
from suite.experiments.chen2018.fig4 import Fig4, Fig4Settings
from suite.experiments.chen2018.matched_flows import MatchedContinuousFlows, MatchedFlows, MatchedPlanarFlows, Solver
from suite.harness.meter import CellMeter
from suite.harness.observer import SilentObserver
from suite.models.flow_ensembles import GatedEnsemble
from suite.models.flows import ContinuousFlow, NormalizingFlow, PlanarField
from suite.models.graphed_step import GraphedStep
from tests.smoke_rows import Rows, rows_by_variant
from tests.solvers.tape_recorder import TapedSteps, never_recorded

EXPERIMENT = Fig4()
TARGETS = ("u1", "u3", "u4")


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/fig4")


def meter_of(variant: str, **changes: Any) -> tuple[Cell, CellMeter]:
    settings = dataclasses.replace(EXPERIMENT.profiles["smoke"], **changes)
    cell = Cell(EXPERIMENT.id, variant, 0, "smoke", settings, "cpu")
    return cell, CellMeter(cell, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: None)  # type: ignore[arg-type, return-value]


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def test_every_variant_measures_every_target_at_every_size(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for variant, rows in smoke_rows.items():
        for metric in ("loss", "window_divergence", "window_mass", "late_fall", "parameters", "iterations"):
            cases = {(row["target"], row["size"]) for row in rows if row["metric"] == metric}
            assert cases == {(target, size) for target in TARGETS for size in (2, 4)}
        (mean,) = values(rows, EXPERIMENT.headline)
        assert mean == pytest.approx(sum(values(rows, "loss")) / 6)
        assert bool(values(rows, "mass")) == variant.startswith("cnf")
        assert bool(values(rows, "density")) == (variant in ("cnf", "nf-rmsprop"))
        assert min(values(rows, "window_divergence")) > 0


def test_parameters_of_the_equal_control_are_those_of_the_normalizing_flow(smoke_rows: Mapping[str, Rows]) -> None:
    of = {name: values(rows, "parameters") for name, rows in smoke_rows.items()}
    assert sorted(of["cnf-equal-parameters"]) == sorted(of["nf-rmsprop"]) == [10, 10, 10, 20, 20, 20]
    assert min(of["cnf"]) > 100


def test_cnf_densities_integrate_to_one(smoke_rows: Mapping[str, Rows]) -> None:
    for variant in ("cnf", "cnf-equal-parameters"):
        assert values(smoke_rows[variant], "mass") == pytest.approx([1.0] * 6, abs=0.01)
        assert max(values(smoke_rows[variant], "round_trip_error")) < 1e-3


def planar(depths: tuple[int, ...] = (3, 3, 3)) -> tuple[MatchedPlanarFlows, list[NormalizingFlow]]:
    torch.manual_seed(0)
    flows = [NormalizingFlow(depth) for depth in depths]
    for flow in flows:
        flow.u.data *= 3
    return MatchedPlanarFlows(flows), flows


def continuous(widths: tuple[int, ...] = (4, 4, 2)) -> tuple[MatchedContinuousFlows, list[PlanarField]]:
    torch.manual_seed(0)
    fields = [PlanarField(width, hidden=8) for width in widths]
    for field in fields:
        for parameter in field.parameters():
            parameter.data *= 2
    solver = Solver("dopri5", 0, 1e-6, "direct")
    return MatchedContinuousFlows(GatedEnsemble(fields), fields, 1.0, solver, solver), fields


def base_samples(count: int = 40) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(3))


def test_matched_continuous_flows_are_the_single_ones() -> None:
    flows, fields = continuous()
    z, log_q = flows.push_accurately(base_samples())
    for row, field in enumerate(fields):
        alone = ContinuousFlow(field, rtol=1e-7, atol=1e-7, gradient="direct")
        with torch.no_grad():
            torch.testing.assert_close(alone.sample(base_samples()), z[row], atol=2e-5, rtol=2e-5)
            torch.testing.assert_close(alone.log_prob(z[row]), log_q[row], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("make", [planar, continuous])
def test_density_at_pushed_samples_is_the_one_they_were_pushed_with(make: Any) -> None:
    flows: MatchedFlows = make()[0]
    z, log_q = flows.push_accurately(base_samples())
    assert float((z - base_samples()).abs().max()) > 0.1
    torch.testing.assert_close(flows.log_density(z), log_q, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("make", [planar, continuous])
def test_densities_integrate_to_one(make: Any) -> None:
    flows: MatchedFlows = make()[0]
    reach = flows.push_accurately(base_samples(2000))[0].abs().amax(dim=(1, 2))
    torch.testing.assert_close(mass_on_grid(flows, reach, 160), torch.ones(3, dtype=torch.float64), atol=2e-3, rtol=0)


def test_points_of_a_fine_grid_are_solved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    flows, _ = continuous()
    points = base_samples(50).expand(3, 50, 2)
    whole = flows.log_density(points)
    monkeypatch.setattr(MatchedContinuousFlows, "points_at_once", 20)
    torch.testing.assert_close(flows.log_density(points), whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", ["rk4", "dopri5"])
def test_adjoint_gradients_are_those_of_the_solver(method: str) -> None:
    gradients = []
    for gradient in ("direct", "adjoint"):
        flows, _ = continuous()
        flows.training = Solver(method, 40 if method == "rk4" else 0, 1e-6, gradient)
        z, log_q = flows.push(base_samples())
        (log_q + energies(z, TARGETS)).mean().backward()
        gradients.append([parameter.grad for parameter in flows.ensemble.parameters()])
    for direct, adjoint in zip(*gradients, strict=True):
        torch.testing.assert_close(adjoint, direct, rtol=1e-2, atol=1e-3)


class Gaussians(MatchedFlows):
    """Samples and densities of normal distributions of known scale in place of models."""

    def __init__(self, scale: float) -> None:
        super().__init__(torch.nn.Linear(1, 1), [torch.nn.Identity()] * 3)
        self.scale = scale

    def push(self, base: Tensor) -> tuple[Tensor, Tensor]:
        z = self.scale * base
        log_q = -base.square().sum(dim=1) / 2 - math.log(2 * math.pi * self.scale**2)
        return z.expand(3, -1, 2), log_q.expand(3, -1)

    push_accurately = push

    def log_density(self, points: Tensor) -> Tensor:
        raise NotImplementedError


def test_divergence_in_the_window_is_that_of_quadrature() -> None:
    scale = 2.5
    base = torch.randn(400_000, 2, generator=torch.Generator().manual_seed(0))
    found = match(Gaussians(scale), TARGETS, base)
    x = torch.linspace(-WINDOW, WINDOW, 801, dtype=torch.float64)
    points = torch.cartesian_prod(x, x)
    log_q = -points.square().sum(dim=1) / (2 * scale**2)
    log_q -= log_q.logsumexp(dim=0)
    inside = math.erf(WINDOW / scale / math.sqrt(2)) ** 2
    for row, target in enumerate(TARGETS):
        log_p = -ENERGIES[target](points)
        log_p -= log_p.logsumexp(dim=0)
        expected = float((log_q.exp() * (log_q - log_p)).sum())
        assert float(found.window_divergence[row]) == pytest.approx(expected, rel=0.01)
        assert float(found.window_mass[row]) == pytest.approx(inside, abs=0.003)


def schedule(**changes: Any) -> Schedule:
    return dataclasses.replace(Schedule("adam", 0.05, 0.9, 1.0, 0.0, 40, 64), **changes)


def test_training_lowers_every_loss_and_reports_its_course() -> None:
    flows, _ = planar((4, 4, 4))
    _, meter = meter_of("nf-adam")
    before = match(flows, TARGETS, base_samples(500)).loss
    history = train(flows, TARGETS, schedule(), meter)
    after = match(flows, TARGETS, base_samples(500)).loss
    assert bool((after < before - 0.1).all())
    assert [iteration for iteration, _ in history] == list(range(2, 41, 2))
    assert bool((history[-1][1] < history[0][1]).all())


def test_recorded_updates_follow_learning_rate_and_weight_of_the_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both change from update to update, on the device; with them as constants the losses would be others."""
    courses = []
    steps = TapedSteps()
    for recorded in (False, True):
        flows, _ = planar((4, 4, 4))
        if recorded:
            monkeypatch.setattr(density_matching, "GraphedStep", steps)
        _, meter = meter_of("nf-adam")
        falling = schedule(annealing=0.5, decay=0.1)
        courses.append(torch.stack([mean for _, mean in train(flows, TARGETS, falling, meter)]))
    ((step, recorder),) = steps.made
    assert (step.fallback, recorder.replays) == ("", 37)
    torch.testing.assert_close(courses[1], courses[0], rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream:UserWarning")
@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_training_by_graphs_is_that_by_plain_steps(optimiser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    courses = []
    for make in (GraphedStep, never_recorded):
        torch.manual_seed(0)
        flows = MatchedPlanarFlows([NormalizingFlow(4).to("cuda") for _ in TARGETS])
        monkeypatch.setattr(density_matching, "GraphedStep", make)
        cell, _ = meter_of("nf-adam")
        on_gpu = dataclasses.replace(cell, device="cuda")
        meter = CellMeter(on_gpu, None, SilentObserver(), keep=lambda model: None, trained=lambda spec, seed: None)  # type: ignore[arg-type, return-value]
        falling = schedule(optimiser=optimiser, learning_rate=2**-8, annealing=0.5, decay=0.1)
        courses.append(torch.stack([mean for _, mean in train(flows, TARGETS, falling, meter)]))
    torch.testing.assert_close(courses[0], courses[1], rtol=1e-3, atol=1e-3)


def test_divergence_of_a_training_is_a_floating_point_error() -> None:
    flows, _ = planar()
    _, meter = meter_of("nf-adam")
    next(flows.ensemble.parameters()).data[0] = float("nan")
    with pytest.raises(FloatingPointError, match="not finite before iteration 2"):
        train(flows, TARGETS, schedule(), meter)


def test_energy_is_annealed_over_the_first_share_of_the_updates() -> None:
    annealed = schedule(annealing=0.02, iterations=500_000)
    assert annealed.energy_weight(1) == pytest.approx(0.01 + 1e-4)
    assert annealed.energy_weight(5_000) == pytest.approx(0.51)
    assert annealed.energy_weight(9_900) == annealed.energy_weight(500_000) == 1.0
    assert schedule().energy_weight(1) == 1.0


def test_equal_time_follows_from_the_times_of_single_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, meter = meter_of("nf-equal-time", cnf_iterations=30)
    seconds = {"nf-equal-time": 0.002, "cnf": 0.05}
    monkeypatch.setattr(fig4, "_seconds", lambda variant, *arguments: [seconds[variant] * 2, seconds[variant]])
    assert fig4._equal_time(2, Fig4Settings.of(cell.settings), meter) == 750


def test_only_the_published_training_of_the_normalizing_flow_is_by_rmsprop() -> None:
    published = Fig4Settings()
    rmsprop, adam, cnf = (fig4._schedule(name, published) for name in ("nf-rmsprop", "nf-adam", "cnf"))
    assert (rmsprop.optimiser, rmsprop.iterations) == ("rmsprop", 500_000)
    assert dataclasses.replace(adam, optimiser="rmsprop", learning_rate=1e-5) == rmsprop
    assert (cnf.optimiser, cnf.iterations, cnf.annealing) == ("adam", 10_000, 0.0)
    assert EXPERIMENT.profiles["paper"] == published
    assert all(note.source or note.ours for note in Fig4Settings.notes())
