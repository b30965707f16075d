import math

import pytest
import torch
from torch import Tensor, nn

from suite.models.conditional_flow import (
    ConditionalDensities,
    ConditionalFlow,
    ControlledField,
    MixtureDensity,
    SelfControlledDensity,
    SeparateDensities,
    log_determinant,
)
from suite.models.flows import gaussian_log_density


def lively_field(condition: int, layers: int = 2, seed: int = 0, std: float = 0.6) -> ControlledField:
    """A field in float64 whose values depend strongly on state, time and condition."""
    with torch.random.fork_rng(devices=[]):
        field = ControlledField(2, condition, 5, layers).double()
        torch.manual_seed(seed)
        for parameter in field.parameters():
            nn.init.normal_(parameter, std=std)
    return field


def conditional_flow(condition: int = 3, tolerance: float = 1e-9) -> ConditionalFlow:
    return ConditionalFlow(lively_field(condition), tolerance=tolerance, gradient="direct")


def points(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class LinearControl(ControlledField):
    """``f(z, u) = a z + b u`` in the plane, with the divergence ``2 a``."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__(2, 2, 1, 1)
        self.a, self.b = a, b

    def velocity_and_divergence(self, t: Tensor, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.a * z + self.b * c, torch.full_like(z[:, 0], 2 * self.a)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("condition", [0, 3])
def test_divergence_is_the_trace_over_the_state_alone(condition: int, layers: int) -> None:
    field, z = lively_field(condition, layers), points(6)
    c = torch.randn(6, condition, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    t = torch.tensor(0.4, dtype=torch.float64)
    velocity, divergence = field.velocity_and_divergence(t, z, c)
    for row in range(6):
        jacobian = torch.autograd.functional.jacobian(
            lambda point, row=row: field(t, point[None], c[row : row + 1])[0], z[row]
        )
        assert float(divergence[row].detach()) == pytest.approx(float(jacobian.diagonal().sum()), abs=1e-12)
    assert torch.allclose(velocity, field(t, z, c), rtol=0, atol=1e-14)
    assert float(divergence.detach().abs().min()) > 1e-3


def test_trace_is_the_log_determinant_under_a_separate_condition() -> None:
    flow, x = conditional_flow(), points(8)
    image, claimed, true = log_determinant(lambda _: flow.given(torch.eye(3, dtype=torch.float64)[1:2]), x)
    assert torch.allclose(claimed, true, rtol=0, atol=1e-7)
    assert float(true.abs().max()) > 0.1
    with torch.no_grad():
        log_prob = flow.given(torch.eye(3, dtype=torch.float64)[1:2]).log_prob(x)
    assert torch.allclose(log_prob, gaussian_log_density(image) + claimed, rtol=0, atol=1e-7)


def test_control_by_the_sample_has_the_log_determinant_of_its_closed_form_and_claims_another() -> None:
    """From 1 to 0, ``z(0) = e^-a x - b (1 - e^-a) / a x`` where ``u = x``."""
    a, b = 0.8, -0.5
    flow = ConditionalFlow(LinearControl(a, b).double(), tolerance=1e-10, gradient="direct")
    image, claimed, true = log_determinant(flow.given, points(5))
    factor = math.exp(-a) - b * (1 - math.exp(-a)) / a
    assert torch.allclose(image, factor * points(5), rtol=0, atol=1e-8)
    assert torch.allclose(true, torch.full_like(true, 2 * math.log(factor)), rtol=0, atol=1e-8)
    assert torch.allclose(claimed, torch.full_like(claimed, -2 * a), rtol=0, atol=1e-8)


def test_density_of_each_condition_integrates_to_one_and_they_differ() -> None:
    flow = ConditionalFlow(lively_field(3, std=0.4), tolerance=1e-4)
    side = torch.linspace(-10, 10, 100, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        densities = [flow.given(row[None]).log_prob(grid).exp() for row in torch.eye(3, dtype=torch.float64)]
    for density in densities:
        assert float(density.sum()) * float(side[1] - side[0]) ** 2 == pytest.approx(1.0, abs=0.01)
    assert float((densities[0] - densities[1]).abs().max()) > 0.01


def test_points_return_under_their_condition_and_not_under_another() -> None:
    flow, x = conditional_flow(), points(6)
    one, other = (flow.given(row[None]) for row in torch.eye(3, dtype=torch.float64)[:2])
    with torch.no_grad():
        base = one.transport(x, torch.zeros_like(x[:, 0]), (1.0, 0.0))[0][-1]
        assert torch.allclose(one.sample(base), x, rtol=0, atol=1e-6)
        assert float((other.sample(base) - x).abs().min(dim=0).values.max()) > 0.01


def test_flow_keeps_its_condition_when_another_is_asked_for_before_the_backward_pass() -> None:
    x, eye = points(5), torch.eye(3, dtype=torch.float64)
    gradients = []
    for interfere in (False, True):
        flow = ConditionalFlow(lively_field(3), tolerance=1e-4, gradient="adjoint")
        loss = flow.given(eye[:1]).log_prob(x).sum()
        if interfere:
            flow.given(eye[1:2]).log_prob(x)
        loss.backward()
        gradients.append(torch.cat([each.grad.flatten() for each in flow.parameters() if each.grad is not None]))
    assert torch.equal(gradients[0], gradients[1])


def test_adjoint_gradient_is_the_direct_one() -> None:
    gradients = []
    for gradient in ("direct", "adjoint"):
        flow = ConditionalFlow(lively_field(3), tolerance=1e-9, gradient=gradient)
        flow.given(torch.eye(3, dtype=torch.float64)).log_prob(points(3)).sum().backward()
        gradients.append(torch.cat([each.grad.flatten() for each in flow.parameters() if each.grad is not None]))
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-5, atol=1e-6)


def test_loss_of_all_classes_is_the_mean_of_their_negative_log_densities() -> None:
    x = torch.stack([points(4, seed) for seed in range(3)])
    for kind in (ConditionalDensities, SeparateDensities, MixtureDensity, SelfControlledDensity):
        model = kind(3, conditional_flow)
        model.set_tolerance(1e-6)
        with torch.no_grad():
            by_class = torch.stack([model.log_density(label, x[label]) for label in range(3)])
            assert float(model(x)) == pytest.approx(-float(by_class.mean()), abs=1e-4)


def test_one_optimiser_of_separate_flows_does_what_one_for_each_does() -> None:
    """AdamW sees no scale of a loss, apart from its epsilon."""
    x = torch.stack([points(4, seed) for seed in range(2)])
    together, alone = (SeparateDensities(2, conditional_flow) for _ in range(2))
    alone.load_state_dict(together.state_dict())
    together.set_tolerance(1e-3)
    alone.set_tolerance(1e-3)
    optimisers = [torch.optim.AdamW(flow.parameters(), lr=1e-2, eps=1e-20) for flow in alone.separate]
    joint = torch.optim.AdamW(together.parameters(), lr=1e-2, eps=1e-20)
    for _ in range(2):
        joint.zero_grad()
        together(x).backward()
        joint.step()
        for label, optimiser in enumerate(optimisers):
            optimiser.zero_grad()
            (-alone.log_density(label, x[label]).mean()).backward()
            optimiser.step()
    for one, other in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-9)


def test_untrained_flow_is_the_identity_and_its_gradient_is_not_zero() -> None:
    flow = ConditionalFlow(ControlledField(2, 3, 8, 2).double(), tolerance=1e-6, gradient="direct")
    x, c = points(4), torch.eye(3, dtype=torch.float64)[:1]
    loss = flow.given(c).log_prob(x)
    assert torch.allclose(loss, gaussian_log_density(x), rtol=0, atol=1e-12)
    loss.sum().backward()
    last = list(flow.field.parameters())[-2]
    assert last.grad is not None
    assert float(last.grad.norm()) > 0.1


def test_what_makes_no_sense_is_refused() -> None:
    flow = conditional_flow()
    with pytest.raises(ValueError, match=r"need conditions of shape \[4, 3\]"):
        flow.given(torch.eye(3, dtype=torch.float64)).log_prob(points(4))
    with pytest.raises(ValueError, match="sizes are positive"):
        ControlledField(2, -1, 4, 1)
    adjoint = ConditionalFlow(lively_field(2), tolerance=1e-6)
    with pytest.raises(ValueError, match="no gradient to the control"):
        log_determinant(adjoint.given, points(2))
