"""Nominal trajectories, residuals, losses and fitting of hypersolvers, against closed forms and plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from suite.models.attractors import Lorenz, Oscillator
from suite.models.hypersolvers import (
    DisturbedOracle,
    FittingPlan,
    NominalTrajectories,
    OracleCorrection,
    PerceptronCorrection,
    TrajectoryCache,
    fit,
    nominal_trajectories,
    residual_loss,
    residual_norms,
    residual_samples,
    trajectory_loss,
    unit_field,
)
from suite.solvers import explicit_methods, solve
from suite.solvers.hyper import Hypersolver, InputForm, StepInputs

FORM = InputForm(("state", "stages", "step"))
GRID = [k / 8 for k in range(9)]
HEUN = explicit_methods()["heun2"].tableau


def start(count: int = 6) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def decay(t: Tensor, z: Tensor) -> Tensor:
    return -z


def driven(t: Tensor, z: Tensor) -> Tensor:
    return torch.stack([z[..., 1], torch.cos(t) - z[..., 0]], dim=-1)


def fitted_correction(seed: int = 0, stages: int = 2) -> PerceptronCorrection:
    torch.manual_seed(seed)
    return PerceptronCorrection(2, stages, FORM, (8,)).double()


@pytest.mark.parametrize("how", [{"method": "dopri5", "tolerance": 1e-11}, {"method": "dopri8", "step_size": 0.05}])
def test_nominal_trajectories_are_scipys(how: dict[str, object]) -> None:
    z0 = start(2)
    found = nominal_trajectories(driven, z0, GRID, **how)  # type: ignore[arg-type]
    assert found.states.shape == (9, 2, 2)
    for sample in range(2):
        solution = solve_ivp(
            lambda t, z: [z[1], math.cos(t) - z[0]], (0, 1), z0[sample].tolist(), t_eval=GRID, rtol=1e-12, atol=1e-12,
            method="DOP853",
        )  # fmt: skip
        torch.testing.assert_close(found.states[:, sample], torch.from_numpy(solution.y.T), rtol=1e-9, atol=1e-9)


def test_attractors_have_their_equations() -> None:
    point = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    zero = torch.tensor(0.0)
    torch.testing.assert_close(Lorenz()(zero, point), torch.tensor([[10.0, 23.0, -6.0]], dtype=torch.float64))
    point = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(Oscillator()(zero, point), torch.tensor([[3.0, -11.0]], dtype=torch.float64))
    fixed = torch.tensor([[72**0.5, 72**0.5, 27.0]], dtype=torch.float64)
    torch.testing.assert_close(Lorenz()(zero, fixed), torch.zeros(1, 3, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("strides", [(1,), (1, 2, 4)])
def test_residuals_of_a_decay_are_those_of_the_exponential(strides: tuple[int, ...]) -> None:
    """Heun on ``z' = -z``: ``(exp(-eps) - 1 + eps - eps^2 / 2) / eps^3`` times the state."""
    trajectories = NominalTrajectories(tuple(GRID), torch.exp(-torch.tensor(GRID).double())[:, None, None] * start())
    samples = residual_samples(HEUN, decay, trajectories, strides=strides)
    assert len(samples) == 6 * sum(8 // stride for stride in strides)
    step = samples.inputs.step
    assert isinstance(step, Tensor)
    assert set(step.flatten().tolist()) == {stride / 8 for stride in strides}
    state = samples.inputs.state
    assert isinstance(state, Tensor)
    torch.testing.assert_close(
        samples.residuals, (torch.exp(-step) - 1 + step - step**2 / 2) / step**3 * state, rtol=1e-9, atol=1e-9
    )
    torch.testing.assert_close(samples.inputs.stages[0], -state)
    torch.testing.assert_close(samples.inputs.stages[1], -(1 - step) * state)
    initial = samples.inputs.initial
    assert isinstance(initial, Tensor)
    torch.testing.assert_close(initial, state * torch.exp(torch.as_tensor(samples.inputs.time)))


def test_residuals_of_a_field_with_time_are_what_single_steps_miss() -> None:
    trajectories = nominal_trajectories(driven, start(), GRID, tolerance=1e-10)
    samples = residual_samples(HEUN, driven, trajectories)
    k = 3
    times = torch.tensor(GRID[k : k + 2], dtype=torch.float64)
    end = solve(driven, trajectories.states[k], times, method="heun2").states
    assert isinstance(end, Tensor)
    wanted = (trajectories.states[k + 1] - end[-1]) * 8**3
    torch.testing.assert_close(samples.residuals[6 * k : 6 * (k + 1)], wanted, rtol=1e-9, atol=1e-9)


def test_residual_loss_is_the_mean_euclidean_norm_over_all_dimensions_of_a_sample() -> None:
    trajectories = nominal_trajectories(driven, start(), GRID)
    samples = residual_samples(HEUN, driven, trajectories)
    correction = fitted_correction()  # its last layer is zero
    wanted = [math.hypot(*row) for row in samples.residuals.tolist()]
    assert float(residual_loss(correction, samples).detach()) == pytest.approx(sum(wanted) / len(wanted))
    chosen = samples.taken(torch.tensor([5, 2]))
    assert residual_norms(correction, chosen).tolist() == pytest.approx([wanted[5], wanted[2]])


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_trajectory_loss_is_the_mean_error_of_the_roll_out(norm: str) -> None:
    trajectories = nominal_trajectories(driven, start(), GRID)
    hypersolver = Hypersolver("heun2", fitted_correction())
    z, total = trajectories.states[0], 0.0
    for k in range(8):
        k1 = driven(torch.tensor(GRID[k]).double(), z)
        z = z + 1 / 16 * (k1 + driven(torch.tensor(GRID[k + 1]).double(), z + k1 / 8))
        error = z - trajectories.states[k + 1]
        total += float(error.abs().mean() if norm == "l1" else error.norm(dim=1).mean())
    loss = trajectory_loss(hypersolver, driven, trajectories, norm)  # type: ignore[arg-type]
    assert float(loss.detach()) == pytest.approx(total / 8)


@pytest.mark.parametrize("base", ["euler", "heun2", "rk4_classic", "dopri5"])
def test_oracle_makes_any_base_exact_to_rounding_and_a_disturbance_is_the_local_error(base: str) -> None:
    field, z0 = Oscillator(), start()
    tableau = explicit_methods()[base].tableau
    exact = nominal_trajectories(field, z0, [0, 0.25, 0.5], method="dopri8", step_size=1 / 64)
    oracle = OracleCorrection(tableau, field, 1 / 64)
    times = torch.tensor([0.0, 0.25, 0.5], dtype=torch.float64)
    found = solve(field, z0, times, method=Hypersolver(base, oracle)).states
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found, exact.states, rtol=0, atol=1e-13)
    disturbed = Hypersolver(base, DisturbedOracle(oracle, 0.1, unit_field))
    one = solve(field, z0, times[:2], method=disturbed).states
    assert isinstance(one, Tensor)
    errors = (one[-1] - exact.states[1]).norm(dim=1)
    torch.testing.assert_close(errors, torch.full_like(errors, 0.1 * 0.25 ** (tableau.order + 1)), rtol=1e-6, atol=0)


def test_frozen_oracle_gives_the_residual_of_its_own_step_whatever_the_step() -> None:
    tableau, z = explicit_methods()["euler"].tableau, start()
    frozen = OracleCorrection(tableau, decay, 1 / 64, frozen_step=0.5)
    for step in (0.1, 0.5):
        wanted = (math.exp(-0.5) - 1 + 0.5) / 0.25 * z
        torch.testing.assert_close(frozen(StepInputs(step, 0.0, z, [-z], z)), wanted, rtol=1e-9, atol=1e-9)


def test_reference_is_solved_once_for_each_batch_of_initial_conditions() -> None:
    drawn: list[int] = []
    solved: list[Tensor] = []

    def draw() -> Tensor:
        drawn.append(len(drawn))
        return start() + len(drawn)

    def trajectories(z0: Tensor) -> NominalTrajectories:
        solved.append(z0)
        return nominal_trajectories(decay, z0, GRID)

    cache = TrajectoryCache(draw, trajectories, refresh=10)
    seen = [cache.at(iteration) for iteration in range(25)]
    assert (len(drawn), len(solved), cache.solves) == (3, 3, 3)
    assert seen[0] is seen[9]
    assert seen[10] is not seen[9]
    fixed = TrajectoryCache(draw, trajectories)
    assert fixed.at(0) is fixed.at(1000)
    with pytest.raises(ValueError, match="1 iteration at least"):
        TrajectoryCache(draw, trajectories, refresh=0)


@pytest.mark.parametrize("objective", ["residual", "trajectory", "both"])
def test_fitting_learns_the_residual_of_a_linear_field_and_beats_the_base(objective: str) -> None:
    field = driven
    hypersolver = Hypersolver("heun2", fitted_correction())
    generator = torch.Generator().manual_seed(0)
    calls: list[Tensor] = []

    def trajectories(z0: Tensor) -> NominalTrajectories:
        calls.append(z0)
        return nominal_trajectories(field, z0, GRID)

    cache = TrajectoryCache(lambda: torch.randn(32, 2, generator=generator, dtype=torch.float64), trajectories)
    correction = hypersolver.correction
    assert isinstance(correction, PerceptronCorrection)
    correction.standardise(residual_samples(HEUN, field, cache.at(0)))
    plan = FittingPlan(objective, iterations=60, batch=32, learning_rate=2e-2)  # type: ignore[arg-type]
    course = fit(hypersolver, field, cache, plan, generator)
    assert len(calls) == 1
    assert course[59] < course[0] / 3
    held_out = nominal_trajectories(field, start(), GRID)
    with torch.no_grad():
        assert (
            trajectory_loss(hypersolver, field, held_out)
            < trajectory_loss(Hypersolver("heun2", fitted_correction()), field, held_out) / 2
        )


def test_fitting_evaluates_the_field_for_residuals_once_and_not_in_every_iteration() -> None:
    count = 0

    def counted(t: Tensor, z: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return driven(t, z)

    exact = nominal_trajectories(driven, start(), GRID)
    cache = TrajectoryCache(start, lambda _: exact)
    plan = FittingPlan(iterations=30, batch=16)
    fit(Hypersolver("heun2", fitted_correction()), counted, cache, plan, torch.Generator())
    assert count == 2 * 8


def test_a_diverging_fit_and_bad_plans_are_errors() -> None:
    exact = nominal_trajectories(driven, start(), GRID)
    broken = NominalTrajectories(exact.times, exact.states * math.inf)
    plan = FittingPlan(iterations=3)
    with pytest.raises(FloatingPointError, match="fitting diverged"):
        fit(Hypersolver("heun2", fitted_correction()), driven, TrajectoryCache(start, lambda _: broken), plan,
            torch.Generator())  # fmt: skip
    with pytest.raises(ValueError, match="unknown objective"):
        FittingPlan("both of them")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is a module"):
        fit(Hypersolver("heun2", unit_of_state), driven, TrajectoryCache(start, lambda _: exact), plan,
            torch.Generator())  # fmt: skip
    with pytest.raises(ValueError, match="no step of 9 intervals"):
        residual_samples(HEUN, driven, exact, strides=(9,))


def unit_of_state(inputs: StepInputs) -> Tensor:
    assert isinstance(inputs.state, Tensor)
    return inputs.state


def test_scales_are_those_of_the_samples_and_an_untrained_correction_is_none() -> None:
    samples = residual_samples(HEUN, driven, nominal_trajectories(driven, start(), GRID))
    correction = fitted_correction()
    correction.standardise(samples)
    joined = FORM.join(samples.inputs)
    torch.testing.assert_close(correction.mean, joined.mean(dim=0))
    torch.testing.assert_close(correction.deviation[:-1], joined[:, :-1].std(dim=0))
    assert float(correction.deviation[-1]) == 1.0  # the step never changes
    torch.testing.assert_close(correction.scale, samples.residuals.square().mean(dim=0).sqrt())
    assert float(correction(samples.inputs).detach().abs().max()) == 0.0
    assert isinstance(correction.network, nn.Sequential)


def test_unit_field_has_unit_length() -> None:
    z = torch.randn(5, 4, dtype=torch.float64)
    torch.testing.assert_close(unit_field(z).norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert unit_field(z).shape == z.shape
