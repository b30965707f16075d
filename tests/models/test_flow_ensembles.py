"""Flows in an ensemble do what each does alone: the same values, gradients and training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from suite.models import parameter_count
from suite.models.flow_ensembles import FieldEnsemble, FlowEnsemble, GatedEnsemble, SteadyEnsemble, SteadyPlanarField
from suite.models.flows import FlowField, NormalizingFlow, PlanarField

DEPTHS = (5, 5, 2, 1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def flows() -> list[NormalizingFlow]:
    return [NormalizingFlow(depth).double() for depth in DEPTHS]


def gated() -> list[PlanarField]:
    return [PlanarField(width, hidden=7).double() for width in (4, 2, 1)]


def steady() -> list[SteadyPlanarField]:
    return [SteadyPlanarField(width).double() for width in (4, 2, 1)]


def points(count: int = 6) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def derivative(field: FlowField, t: Tensor, state: Tensor) -> Tensor:
    velocity, divergence = field.velocity_and_divergence(t, state[:, :2])
    return torch.cat([velocity, -divergence.unsqueeze(1)], dim=1)


def test_flows_of_several_depths_map_points_as_each_alone() -> None:
    members = flows()
    z, log_det = FlowEnsemble(members)(points())
    for row, flow in enumerate(members):
        own_z, own_log_det = flow(points())
        torch.testing.assert_close(z[row], own_z)
        torch.testing.assert_close(log_det[row], own_log_det)


@pytest.mark.parametrize("members", [gated, steady])
def test_fields_of_several_widths_have_the_velocity_and_divergence_of_each_alone(
    members: Callable[[], Sequence[FlowField]],
) -> None:
    fields, t = members(), torch.tensor(0.3, dtype=torch.float64)
    state = torch.randn(len(fields), 6, 3, dtype=torch.float64)
    found = ensemble_of(fields)(t, state.transpose(1, 2)).transpose(1, 2)
    for row, field in enumerate(fields):
        torch.testing.assert_close(found[row], derivative(field, t, state[row]))


def ensemble_of(fields: Sequence[FlowField]) -> FieldEnsemble:
    if isinstance(fields[0], SteadyPlanarField):
        return SteadyEnsemble([field for field in fields if isinstance(field, SteadyPlanarField)])
    return GatedEnsemble([field for field in fields if isinstance(field, PlanarField)])


def trained(
    module: nn.Module, loss: Callable[[], Tensor], optimiser_class: Callable[..., torch.optim.Optimizer]
) -> None:
    optimiser = optimiser_class(module.parameters(), lr=0.05)
    for _ in range(4):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()


@pytest.mark.parametrize("optimiser_class", [torch.optim.Adam, torch.optim.RMSprop])
def test_training_flows_together_is_training_each_alone(optimiser_class: Callable[..., torch.optim.Optimizer]) -> None:
    together, alone = flows(), flows()
    for one, other in zip(together, alone, strict=True):
        other.load_state_dict(one.state_dict())
    ensemble = FlowEnsemble(together)

    def loss(z: Tensor, log_det: Tensor) -> Tensor:
        return ((z - 1).square().sum(dim=-1) - log_det).mean(dim=-1).sum()

    trained(ensemble, lambda: loss(*ensemble(points())), optimiser_class)
    ensemble.put_back()
    for one, other in zip(together, alone, strict=True):
        before = other.w.detach().clone()
        trained(other, lambda flow=other: loss(*flow(points())), optimiser_class)  # type: ignore[misc]
        assert not torch.allclose(before, other.w)
        torch.testing.assert_close(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("members", [gated, steady])
def test_training_fields_together_is_training_each_alone(members: Callable[[], Sequence[FlowField]]) -> None:
    together, alone, t = members(), members(), torch.tensor(0.3, dtype=torch.float64)
    for one, other in zip(together, alone, strict=True):
        other.load_state_dict(one.state_dict())
    ensemble = ensemble_of(together)
    state = torch.randn(6, 3, dtype=torch.float64)
    trained(
        ensemble,
        lambda: (ensemble(t, state.t().expand(len(together), 3, 6)) - 1).square().mean(dim=(1, 2)).sum(),
        torch.optim.Adam,
    )
    ensemble.put_back()
    for one, other in zip(together, alone, strict=True):
        trained(
            other,
            lambda field=other: (derivative(field, t, state) - 1).square().mean(),  # type: ignore[misc]
            torch.optim.Adam,
        )
        torch.testing.assert_close(one.state_dict(), other.state_dict())


def test_divergence_of_a_steady_field_is_the_trace_of_its_jacobian() -> None:
    field, z = SteadyPlanarField(3).double(), points(4)
    t = torch.tensor(0.0, dtype=torch.float64)
    jacobians = [torch.autograd.functional.jacobian(lambda x: field(t, x[None])[0], each) for each in z]
    traces = torch.stack([torch.trace(jacobian) for jacobian in jacobians])
    torch.testing.assert_close(field.velocity_and_divergence(t, z)[1], traces)


@pytest.mark.parametrize("size", [2, 32])
def test_steady_field_has_as_many_parameters_as_a_planar_flow_of_its_size(size: int) -> None:
    assert parameter_count(SteadyPlanarField(size)) == parameter_count(NormalizingFlow(size)) == 5 * size


def test_flows_out_of_order_and_fields_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"deepest to the shallowest, not of depths \(1, 2\)"):
        FlowEnsemble([NormalizingFlow(1), NormalizingFlow(2)])
    for other in (PlanarField(2, reduction="mean"), PlanarField(2, gate="coordinate")):
        with pytest.raises(ValueError, match="sum their units, with one gate for each"):
            GatedEnsemble([other])
