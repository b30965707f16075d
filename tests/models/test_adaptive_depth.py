import math
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from suite.models import Gradient
from suite.models.adaptive_depth import AdaptiveDepthBlock, Sign
from suite.models.depth_varying import DepthConcatenation, DepthField, FourierBasis, GalerkinLinear
from suite.solvers import solve

TIGHT: dict[str, Any] = {"method": "dopri8", "rtol": 1e-11, "atol": 1e-11}


def adaptive(sign: Sign, gradient: Gradient = "direct") -> AdaptiveDepthBlock:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        field = DepthField(DepthConcatenation(), GalerkinLinear(3, 8, FourierBasis(1)), nn.Tanh(), nn.Linear(8, 2))
        network = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
        block = AdaptiveDepthBlock(field, network, sign=sign, gradient=gradient, **TIGHT).double()
        for parameter in block.parameters():
            nn.init.normal_(parameter, std=0.5)
    return block


def inputs(n: int) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def one_by_one(block: AdaptiveDepthBlock, x: Tensor) -> Tensor:
    """Every sample solved alone, in its own depth; autograd goes through the end of the interval."""
    field = block.block.field.field
    ends = []
    for sample, depth in zip(x, block.depth(x), strict=True):
        t = torch.stack([torch.zeros_like(depth), depth])
        states = solve(field, sample.unsqueeze(0), t, **TIGHT).states  # type: ignore[arg-type]
        assert isinstance(states, Tensor)
        ends.append(states[-1])
    return torch.cat(ends)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("gradient", get_args(Gradient))
@pytest.mark.parametrize("sign", get_args(Sign))
def test_states_and_gradients_are_those_of_every_sample_alone(sign: Sign, gradient: Gradient, samples: int) -> None:
    block, x = adaptive(sign, gradient), inputs(samples).requires_grad_()
    wanted = (x, *block.parameters())
    together, alone = block(x), one_by_one(block, x)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)
    found, expected = (torch.autograd.grad(ends.square().sum(), wanted) for ends in (together, alone))
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)
    assert len(wanted) == 9


def test_gradient_by_the_depth_is_adjoint_times_field_at_the_end() -> None:
    """``dL/dS = a(S) f(S, z(S))`` with ``a(S) = dL/dz(S)``, for each sample of a batch."""
    block, x = adaptive("positive"), inputs(4)
    depth = block.depth(x).detach().requires_grad_()
    end = block.block(x, depth)
    (found,) = torch.autograd.grad(torch.sin(end).sum(), depth)
    field = block.block.field.field
    expected = (torch.cos(end) * field(depth, end)).sum(1)  # type: ignore[operator]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_signs_of_depths() -> None:
    x = 10 * inputs(200)
    signed, positive = adaptive("signed").depth(x).detach(), adaptive("positive").depth(x).detach()
    assert float(signed.min()) < 0 < float(signed.max())
    assert float(positive.min()) > 0
    block = adaptive("positive")
    nn.init.zeros_(block.depth_network[-1].weight)  # type: ignore[index]
    nn.init.zeros_(block.depth_network[-1].bias)  # type: ignore[index]
    torch.testing.assert_close(block.depth(x).detach(), torch.ones(200, dtype=torch.float64))
    with pytest.raises(ValueError, match="unknown sign"):
        AdaptiveDepthBlock(nn.Identity(), nn.Identity(), sign="negative")  # type: ignore[arg-type]


def test_trajectories_run_over_every_samples_own_depth() -> None:
    """An autonomous rotation by the angle ``S(x)``, some of them backwards; image states have more axes."""

    class Rotation(nn.Module):
        def forward(self, s: Tensor, z: Tensor) -> Tensor:
            return torch.stack([-z[:, 1], z[:, 0]], dim=1)

    angles = torch.tensor([[math.pi / 2], [-math.pi], [0.0]], dtype=torch.float64)
    block = AdaptiveDepthBlock(Rotation(), nn.Identity(), sign="signed", **TIGHT)
    z0 = torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
    depths, states = block.trajectory(z0, (0.0, 0.5, 1.0), x=angles)
    torch.testing.assert_close(depths, torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64) * angles[:, 0])
    torch.testing.assert_close(states, torch.stack([depths.cos(), depths.sin()], dim=2), rtol=0, atol=1e-9)
    image = z0[:, :, None, None].expand(3, 2, 2, 2)
    torch.testing.assert_close(block(image, x=angles), states[-1][:, :, None, None].expand(3, 2, 2, 2))
