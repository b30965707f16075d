"""Theorem 1: the trace and the determinant against finite differences, and what the smoke run measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch.utils.flop_counter import FlopCounterMode

from suite.experiments.chen2018.determinants import WideLayer, log_determinant_by_products
from suite.experiments.chen2018.theorem1 import Theorem1, Theorem1Settings, log_determinant
from suite.models.exact_divergence import HamiltonianField, PerceptronField, jacobian_trace
from suite.models.flows import ContinuousFlow
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Theorem1()
CHANGES = ("mlp", "planar", "hamiltonian")
Vector = NDArray[np.float64]


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "chen2018/theorem1")


def values(rows: Rows, metric: str) -> list[float]:
    return [row["value"] for row in rows if row["metric"] == metric]


def test_every_variant_has_the_headline_and_it_is_small(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for rows in smoke_rows.values():
        (error,) = values(rows, EXPERIMENT.headline)
        assert error < 1e-3


@pytest.mark.parametrize("variant", CHANGES)
def test_difference_falls_with_the_tolerance(smoke_rows: Mapping[str, Rows], variant: str) -> None:
    loose, tight = values(smoke_rows[variant], "change_error")
    assert tight < 0.05 * loose
    (change,) = values(smoke_rows[variant], "log_density_change")
    if variant == "hamiltonian":
        (determinant,), (trace,) = values(smoke_rows[variant], "determinant"), values(smoke_rows[variant], "trace")
        assert determinant == pytest.approx(1.0, abs=1e-4)
        assert trace == pytest.approx(0.0, abs=1e-12)
    else:
        # So that the test is of a density that does change.
        assert change > 0.1


def test_mass_is_kept_with_the_trace_and_not_without(smoke_rows: Mapping[str, Rows]) -> None:
    assert values(smoke_rows["mass"], "mass") == pytest.approx([1.0], abs=1e-3)
    assert values(smoke_rows["mass"], "untraced_mass_error")[0] > 0.02


def test_costs_grow_linearly_and_with_the_third_power_of_the_width(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["width"]
    evaluation, determinant = values(rows, "evaluation_macs"), values(rows, "determinant_macs")
    # Linear but for the hypernetwork's hidden layers, which do not grow.
    assert (evaluation[2] - evaluation[1]) / 16 == pytest.approx((evaluation[1] - evaluation[0]) / 14)
    assert evaluation[2] > 1.5 * evaluation[1]
    # The products of an elimination have k^2 multiply-accumulates for k = M - 1 down to 1.
    assert determinant == [(m - 1) * m * (2 * m - 1) / 6 for m in (2, 16, 32)]
    # Two rows of U times two columns of W for each unit, and one product to eliminate.
    assert values(rows, "narrow_determinant_macs") == [4 * m + 1 for m in (2, 16, 32)]


def test_reversal_takes_about_as_many_evaluations(smoke_rows: Mapping[str, Rows]) -> None:
    there, back = (values(smoke_rows["reversal"], f"nfe_{name}") for name in ("forward", "reverse"))
    assert all(0.5 < one / other < 2 for one, other in zip(there, back, strict=True))


def test_change_of_log_density_is_that_of_finite_differences_of_scipys_flow() -> None:
    """Nothing of the suite's solvers or autograd is on the other side: a flow by scipy, its Jacobian by differences."""
    torch.manual_seed(0)
    field = PerceptronField(3, 8).double()
    for parameter in field.parameters():
        parameter.data *= 2

    def velocity(t: float, z: Vector) -> Vector:
        with torch.no_grad():
            value: Vector = field(torch.tensor(t), torch.from_numpy(z)[None])[0].numpy()
        return value

    def end(z: Vector) -> Vector:
        solved = solve_ivp(velocity, (0.0, 1.0), z, method="DOP853", rtol=1e-11, atol=1e-12)
        last: Vector = solved.y[:, -1]
        return last

    start, step = np.array([0.3, -0.7, 1.1]), 1e-4
    columns = [(end(start + step * e) - end(start - step * e)) / (2 * step) for e in np.eye(3)]
    expected = math.log(abs(np.linalg.det(np.stack(columns, axis=1))))

    flow = ContinuousFlow(field, rtol=1e-9, atol=1e-9, gradient="direct")
    z0 = torch.from_numpy(start)[None].requires_grad_()
    states, changes = flow.transport(z0, torch.zeros(1, dtype=torch.float64), (0.0, 1.0))
    assert abs(expected) > 0.1
    assert float(-changes[-1].detach()) == pytest.approx(expected, abs=1e-6)
    assert float(log_determinant(states[-1], z0)) == pytest.approx(expected, abs=1e-6)


def test_trace_is_that_of_the_whole_jacobian_with_and_without_gradients() -> None:
    torch.manual_seed(0)
    field, z, t = PerceptronField(3, 5).double(), torch.randn(4, 3, dtype=torch.float64), torch.tensor(0.4)
    expected = torch.stack(
        [torch.trace(torch.autograd.functional.jacobian(lambda x: field(t, x[None])[0], each)) for each in z]
    )
    torch.testing.assert_close(field.velocity_and_divergence(t, z)[1].detach(), expected)
    with torch.no_grad():
        value, trace = jacobian_trace(lambda x: x**3, z)
    torch.testing.assert_close(trace, 3 * z.square().sum(dim=1))
    assert not value.requires_grad


def test_hamiltonian_flow_keeps_its_energy() -> None:
    torch.manual_seed(0)
    field = HamiltonianField(4, 6).double()

    def energy(z: torch.Tensor) -> torch.Tensor:
        q, p = z.chunk(2, dim=1)
        parts = ((field.kinetic, p), (field.potential, q))
        return torch.stack([(part.heights * torch.cosh(part.inner(x)).log()).sum(dim=1) for part, x in parts]).sum(0)

    z0 = torch.randn(5, 4, dtype=torch.float64)
    flow = ContinuousFlow(field, rtol=1e-10, atol=1e-10, gradient="direct")
    with torch.no_grad():
        z1 = flow.transport(z0, torch.zeros(5, dtype=torch.float64), (0.0, 1.0))[0][-1]
        torch.testing.assert_close(energy(z1), energy(z0), rtol=1e-8, atol=1e-8)
        assert float((z1 - z0).abs().max()) > 0.05
    with pytest.raises(ValueError, match="even, not 3"):
        HamiltonianField(3, 6)


@pytest.mark.parametrize("width", [1, 2, 7])
def test_determinant_by_products_is_that_of_both_matrices_of_the_lemma(width: int) -> None:
    layer = WideLayer.random(width, 2, torch.Generator().manual_seed(width), torch.device("cpu"))
    expected = torch.linalg.slogdet(layer.wide()).logabsdet
    torch.testing.assert_close(log_determinant_by_products(layer.wide()), expected)
    torch.testing.assert_close(log_determinant_by_products(layer.narrow()), expected)


def test_elimination_pivots_and_counts_its_products() -> None:
    matrix = torch.tensor([[0.0, 2.0], [3.0, 1.0]], dtype=torch.float64)
    assert float(log_determinant_by_products(matrix)) == pytest.approx(math.log(6))
    with FlopCounterMode(display=False) as counter:
        log_determinant_by_products(torch.eye(4))
    assert counter.get_total_flops() == 2 * (9 + 4 + 1)


def test_paper_profile_is_the_default_and_settings_say_why() -> None:
    assert EXPERIMENT.profiles["paper"] == Theorem1Settings()
    assert all(note.source or note.ours for note in Theorem1Settings.notes())
