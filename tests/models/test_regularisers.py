import itertools

import torch
from torch import Tensor, nn

from suite.models.flow_classifier import FlowClassifier
from suite.models.regularisers import JacobianNorm, kinetic_energy, total_magnitude


class Bent(nn.Module):
    """A field in the plane with a Jacobian of its own at every state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.4, -1.1], [0.8, 0.3]], dtype=torch.float64))

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        return torch.sin(z @ self.weight.T) + t * z


TIME = torch.tensor(0.5, dtype=torch.float64)


def states() -> Tensor:
    return torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def squared_norm(field: nn.Module, z: Tensor) -> Tensor:
    jacobians = [torch.autograd.functional.jacobian(lambda point: field(TIME, point[None])[0], point) for point in z]
    return torch.stack([jacobian.square().sum() for jacobian in jacobians]).mean()


def test_exact_norm_is_that_of_the_jacobian_of_autograd() -> None:
    field, z = Bent(), states()
    found = JacobianNorm(field)(TIME, z, field(TIME, z))
    assert torch.allclose(found, squared_norm(field, z), rtol=0, atol=1e-12)
    with torch.no_grad():
        assert torch.allclose(JacobianNorm(field)(TIME, z, field(TIME, z)), found, rtol=0, atol=1e-12)


def test_estimates_of_all_signs_average_to_the_exact_norm() -> None:
    field, z = Bent(), states()
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=2)), dtype=torch.float64)
    probes = signs[:, None].expand(4, 5, 2)
    derivative = field(TIME, z)
    assert torch.allclose(JacobianNorm(field, probes)(TIME, z, derivative), squared_norm(field, z), rtol=0, atol=1e-12)
    single = [float(JacobianNorm(field, probe)(TIME, z, derivative).detach()) for probe in probes]
    assert max(single) - min(single) > 0.1


def test_gradient_of_the_integrated_norm_is_that_of_finite_differences() -> None:
    x = states()
    probes = torch.where(torch.rand(5, 2, generator=torch.Generator().manual_seed(0)) < 0.5, -1.0, 1.0).double()

    def integral(field: Bent) -> Tensor:
        model = FlowClassifier(nn.Identity(), field, nn.Identity(), 1e-9)
        return model.with_integral(x, JacobianNorm(field, probes))[1]

    field = Bent()
    integral(field).backward()
    assert field.weight.grad is not None
    for row, column in itertools.product(range(2), repeat=2):
        values = []
        for step in (1e-4, -1e-4):
            moved = Bent()
            with torch.no_grad():
                moved.weight[row, column] += step
            values.append(float(integral(moved).detach()))
        difference = (values[0] - values[1]) / 2e-4
        assert abs(float(field.weight.grad[row, column]) - difference) < 1e-5 * max(1.0, abs(difference))


def test_sizes_of_the_field_are_those_of_their_formulas() -> None:
    derivative = torch.tensor([[[1.0, -2.0]], [[0.0, 3.0]]])
    assert float(kinetic_energy(TIME, derivative, derivative)) == (5.0 + 9.0) / 2
    assert float(total_magnitude(TIME, derivative, derivative)) == 6.0
