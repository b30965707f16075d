import pytest
import torch
from torch import Tensor, nn

from suite.models.flows import NormalizingFlow, PlanarFlow, gaussian_log_density
from suite.models.flows.planar_flow import constrained


def far_from_identity(depth: int, dimensions: int = 2, seed: int = 0) -> NormalizingFlow:
    """A stack in float64 whose layers bend space strongly; many would fold it without the constraint."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = NormalizingFlow(depth, dimensions).double()
        for parameter in flow.parameters():
            nn.init.normal_(parameter, std=1.5)
    return flow


def points(count: int, dimensions: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(count, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def log_abs_det(flow: nn.Module, z: Tensor) -> Tensor:
    """The log-determinant of the Jacobian that autograd builds, point by point."""
    jacobians = [torch.autograd.functional.jacobian(lambda point: flow(point[None])[0][0], point) for point in z]
    logarithm: Tensor = torch.linalg.slogdet(torch.stack(jacobians)).logabsdet
    return logarithm


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_log_determinant_is_that_of_the_jacobian(dimensions: int) -> None:
    flow, z = far_from_identity(6, dimensions), points(10, dimensions)
    assert torch.allclose(flow(z)[1], log_abs_det(flow, z), rtol=0, atol=1e-8)


def test_one_layer_is_a_stack_of_depth_one() -> None:
    layer, stack, z = PlanarFlow().double(), far_from_identity(1), points(7)
    with torch.no_grad():
        layer.w.copy_(stack.w[0])
        layer.u.copy_(stack.u[0])
        layer.b.copy_(stack.b[0])
    for one, other in zip(layer(z), stack(z), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-14)
    assert torch.allclose(log_abs_det(layer, z), layer(z)[1], rtol=0, atol=1e-8)
    assert torch.allclose(layer.inverse(layer(z)[0]), z, rtol=0, atol=1e-10)


def test_constraint_keeps_every_layer_increasing_along_its_direction() -> None:
    u, w = points(1_000, seed=2) * 5, points(1_000, seed=3) * 5
    direction, stretch = constrained(u, w)
    assert float((w * u).sum(dim=1).min()) < -10
    assert bool((stretch > 0).all())
    assert torch.allclose(1 + (w * direction).sum(dim=1), stretch, rtol=1e-9, atol=1e-9)
    # What the constraint adds to u is along w alone.
    added = direction - u
    assert torch.allclose(added[:, 0] * w[:, 1], added[:, 1] * w[:, 0], rtol=1e-9, atol=1e-9)


def test_inverse_returns_every_intermediate_state() -> None:
    flow, z = far_from_identity(12), points(50)
    states, log_dets = flow.path(z)
    assert torch.equal(log_dets[0], torch.zeros(50, dtype=torch.float64))
    assert torch.allclose(log_dets[-1], flow(z)[1], rtol=0, atol=1e-12)
    back = flow.inverse_path(states[-1])
    assert back.shape == states.shape == (13, 50, 2)
    # Layers that nearly fold lose digits on the way back; going forward again must give the same output.
    assert torch.allclose(flow(back[0])[0], states[-1], rtol=0, atol=1e-12)
    assert torch.allclose(back, states, rtol=0, atol=1e-6)


def test_new_stack_is_near_the_identity() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow, z = NormalizingFlow(64).double(), points(200)
    with torch.no_grad():
        moved, log_det = flow(z)
    assert float((moved - z).abs().max()) < 0.5
    assert float(log_det.abs().max()) < 0.5
    assert float((moved - z).abs().max()) > 0.0


def test_density_pulled_back_through_a_stack_integrates_to_one() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        flow = NormalizingFlow(8).double()
        for parameter in flow.parameters():
            nn.init.normal_(parameter, std=0.5)
    side = torch.linspace(-12, 12, 400, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        base, log_det = flow(grid)
    mass = (gaussian_log_density(base) + log_det).exp().sum() * (side[1] - side[0]).square()
    assert float(mass) == pytest.approx(1.0, abs=0.01)


def test_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="depth and dimensions are positive"):
        NormalizingFlow(0)
