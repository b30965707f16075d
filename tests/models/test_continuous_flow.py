from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.models.flows import ContinuousFlow, PlanarField, gaussian_log_density, gaussian_samples
from suite.models.flows.planar_field import Gate, Reduction


def lively_field(seed: int = 0, width: int = 5, dimensions: int = 2, **choices: Any) -> PlanarField:
    """A field in float64 whose units depend strongly on time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = PlanarField(width, dimensions, hidden=8, **choices).double()
        for parameter in field.parameters():
            nn.init.normal_(parameter, std=0.5)
    return field


def points(count: int, dimensions: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(count, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("gate", ["unit", "coordinate"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_divergence_is_the_trace_of_the_jacobian(dimensions: int, reduction: Reduction, gate: Gate) -> None:
    field, z = lively_field(dimensions=dimensions, reduction=reduction, gate=gate), points(6, dimensions)
    t = torch.tensor(0.7, dtype=torch.float64)
    velocity, divergence = field.velocity_and_divergence(t, z)
    traces = [
        torch.autograd.functional.jacobian(lambda point: field(t, point[None])[0], point).diagonal().sum()
        for point in z
    ]
    assert torch.allclose(divergence, torch.stack(traces), rtol=0, atol=1e-12)
    assert torch.allclose(velocity, field(t, z), rtol=0, atol=1e-14)


def test_field_is_the_gated_sum_of_its_units() -> None:
    field, z, t = lively_field(width=3), points(4), torch.tensor(0.3, dtype=torch.float64)
    raw = field.hypernetwork(t.reshape(1))
    total = torch.zeros_like(z)
    for unit in range(3):
        w, u = raw[2 * unit : 2 * unit + 2], raw[6 + 2 * unit : 8 + 2 * unit]
        gate, b = torch.sigmoid(raw[12 + unit]), raw[15 + unit]
        total = total + gate * torch.tanh(z @ w + b)[:, None] * u
    assert len(raw) == 18
    assert torch.allclose(field(t, z), total, rtol=0, atol=1e-14)


def test_change_of_log_density_is_the_log_determinant_of_the_flow_map() -> None:
    flow = ContinuousFlow(lively_field(), end_time=2.0, rtol=1e-10, atol=1e-10, gradient="direct")
    z = points(5)
    states, changes = flow.transport(z, torch.zeros(5, dtype=torch.float64), (0.0, 1.0, 2.0))
    for index, end in ((1, 1.0), (2, 2.0)):

        def moved(point: Tensor, end: float = end) -> Tensor:
            return flow.transport(point[None], point.new_zeros(1), (0.0, end))[0][-1, 0]

        jacobians = torch.stack([torch.autograd.functional.jacobian(moved, point) for point in z])
        assert torch.allclose(-changes[index], torch.linalg.slogdet(jacobians).logabsdet, rtol=0, atol=1e-6)
    assert torch.equal(states[0], z)
    assert float(changes[-1].detach().abs().min()) > 0.01


def test_round_trip_returns_points_and_log_densities() -> None:
    flow = ContinuousFlow(lively_field(), end_time=3.0, rtol=1e-9, atol=1e-9)
    z = gaussian_samples(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_density = gaussian_log_density(z)
    with torch.no_grad():
        there = flow.transport(z, log_density, (0.0, 3.0))
        back = flow.transport(there[0][-1], there[1][-1], (3.0, 0.0))
        assert torch.allclose(back[0][-1], z, rtol=0, atol=1e-6)
        assert torch.allclose(back[1][-1], log_density, rtol=0, atol=1e-6)
        # The density at a transported point is the same whether it is carried along or asked for.
        assert torch.allclose(flow.log_prob(flow.sample(z)), there[1][-1], rtol=0, atol=1e-6)
        assert float((there[0][-1] - z).abs().max()) > 0.5


def test_density_integrates_to_one() -> None:
    flow = ContinuousFlow(lively_field(seed=3), end_time=1.0, base_variance=0.5)
    side = torch.linspace(-8, 8, 200, dtype=torch.float64)
    with torch.no_grad():
        mass = flow(torch.cartesian_prod(side, side)).exp().sum() * (side[1] - side[0]).square()
    assert float(mass) == pytest.approx(1.0, abs=0.01)


def test_adjoint_gradient_of_the_likelihood_is_the_direct_one() -> None:
    gradients = []
    for gradient in ("direct", "adjoint"):
        flow = ContinuousFlow(lively_field(), end_time=1.0, rtol=1e-9, atol=1e-9, gradient=gradient)
        flow.reset_counts()
        loss = -flow.log_prob(points(10)).mean()
        assert flow.nfe_forward > 10
        assert flow.nfe_backward == 0
        loss.backward()
        assert (flow.nfe_backward > 10) == (gradient == "adjoint")
        gradients.append(
            torch.cat([parameter.grad.flatten() for parameter in flow.parameters() if parameter.grad is not None])
        )
    assert torch.allclose(gradients[0], gradients[1], rtol=0, atol=1e-6)
    assert float(gradients[0].norm()) > 0.01


def test_gaussian_samples_have_the_variance_of_their_density() -> None:
    z = gaussian_samples(20_000, variance=0.3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float(z.var()) == pytest.approx(0.3, rel=0.03)
    normal = torch.distributions.Normal(torch.zeros(2, dtype=torch.float64), 0.3**0.5)
    assert torch.allclose(gaussian_log_density(z, 0.3), normal.log_prob(z).sum(dim=1), rtol=0, atol=1e-12)


def test_unknown_choices_are_refused() -> None:
    wrong: Any = "sideways"
    with pytest.raises(ValueError, match="unknown gradient"):
        ContinuousFlow(lively_field(), gradient=wrong)
    with pytest.raises(ValueError, match="end time and base variance are positive"):
        ContinuousFlow(lively_field(), end_time=0.0)
    with pytest.raises(ValueError, match="unknown reduction"):
        PlanarField(2, reduction=wrong)
    with pytest.raises(ValueError, match="unknown gate"):
        PlanarField(2, gate=wrong)
    with pytest.raises(ValueError, match="are positive"):
        PlanarField(0)
