import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from suite.models import ODEBlock
from suite.models.augmentation import HigherOrderField, InputLayer, SelectiveHigherOrderField, ZeroAugmentation


class Given(nn.Module):
    """A field given as a function of time and state."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        return self.function(t, z)


def solved(field: nn.Module, z0: Tensor) -> Tensor:
    end: Tensor = ODEBlock(field, rtol=1e-10, atol=1e-10, gradient="direct")(z0)
    return end


def random_state(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
@pytest.mark.parametrize("first", [True, False])
def test_zeros_stand_before_or_behind_the_input(shape: tuple[int, ...], first: bool) -> None:
    x = random_state(*shape)
    augmented = ZeroAugmentation(4, first=first)(x)
    assert augmented.shape == (2, 7, *shape[2:])
    zeros, kept = (augmented[:, :4], augmented[:, 4:]) if first else (augmented[:, 3:], augmented[:, :3])
    assert not zeros.any()
    assert torch.equal(kept, x)
    assert augmented.dtype == x.dtype


def test_zeros_along_another_dimension_lengthen_that_one() -> None:
    assert torch.equal(ZeroAugmentation(1, dim=-1)(torch.ones(1, 2, 2)), torch.tensor([[[0.0, 1, 1], [0, 1, 1]]]))


def test_a_negative_number_of_zeros_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 zeros"):
        ZeroAugmentation(-1)


@pytest.mark.parametrize(("layer", "shape"), [(nn.Linear(3, 4), (2, 3)), (nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 6))])
def test_the_input_layer_replaces_the_input_or_follows_it(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert torch.equal(InputLayer(layer)(x), layer(x))
    kept = InputLayer(layer, keep_input=True)(x)
    assert torch.equal(kept[:, :3], x)
    assert torch.equal(kept[:, 3:], layer(x))


def test_the_second_order_field_is_the_analytic_harmonic_oscillator() -> None:
    # q'' = -q with data in the velocity, as the released networks put it: q(1) = p(0) sin 1, p(1) = p(0) cos 1.
    velocity = random_state(5, 3)
    end = solved(HigherOrderField(Given(lambda t, z: -z[:, :3]), 2), ZeroAugmentation(3)(velocity))
    torch.testing.assert_close(end, torch.cat((velocity * math.sin(1), velocity * math.cos(1)), dim=1))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_an_order_n_system_is_its_companion_first_order_system(order: int) -> None:
    # Linear and autonomous, so that the companion matrix's exponential solves it.
    coefficients = random_state(order)
    z0 = random_state(3, order)
    companion = torch.zeros(order, order, dtype=torch.float64)
    companion[:-1, 1:] = torch.eye(order - 1, dtype=torch.float64)
    companion[-1] = coefficients
    end = solved(HigherOrderField(Given(lambda t, z: (z @ coefficients).unsqueeze(1)), order), z0)
    torch.testing.assert_close(end, z0 @ torch.linalg.matrix_exp(companion).T, rtol=1e-8, atol=1e-8)


def test_blocks_of_channels_are_moved_together_and_the_field_sees_the_time() -> None:
    z = random_state(2, 6, 3, 3)
    derivative = HigherOrderField(Given(lambda t, z: t * z[:, :2]), 3)(torch.tensor(2.0), z)
    assert torch.equal(derivative, torch.cat((z[:, 2:6], 2 * z[:, :2]), dim=1))


def test_a_selective_field_is_of_second_order_in_its_first_entries_only() -> None:
    # q'' = -q beside the free w' = 2 w.
    z0 = random_state(4, 3)
    field = SelectiveHigherOrderField(Given(lambda t, z: torch.cat((-z[:, :1], 2 * z[:, 2:]), dim=1)), 2, selected=2)
    q, p, w = z0.split(1, dim=1)
    sine, cosine = math.sin(1), math.cos(1)
    expected = torch.cat((q * cosine + p * sine, p * cosine - q * sine, w * math.exp(2)), dim=1)
    torch.testing.assert_close(solved(field, z0), expected, rtol=1e-8, atol=1e-8)


def test_a_selective_field_that_selects_everything_is_the_field_of_higher_order() -> None:
    z = random_state(2, 4, 3, 3)
    inner = Given(lambda t, z: z[:, 1:3].sin())
    time = torch.tensor(0.0)
    selective = SelectiveHigherOrderField(inner, 2, selected=4)(time, z)
    assert torch.equal(selective, HigherOrderField(inner, 2)(time, z))
    free = SelectiveHigherOrderField(Given(lambda t, z: z.sin()), 2, selected=0)(time, z)
    assert torch.equal(free, z.sin())


def test_sizes_that_do_not_fit_are_refused() -> None:
    time, inner = torch.tensor(0.0), Given(lambda t, z: z)
    with pytest.raises(ValueError, match="order of at least 1"):
        HigherOrderField(inner, 0)
    with pytest.raises(ValueError, match="order of at least 1"):
        SelectiveHigherOrderField(inner, 0, selected=0)
    with pytest.raises(ValueError, match="3 entries cannot be cut into 2"):
        HigherOrderField(inner, 2)(time, torch.zeros(1, 3))
    with pytest.raises(ValueError, match="3 entries cannot be cut into 2"):
        SelectiveHigherOrderField(inner, 2, selected=3)
    with pytest.raises(ValueError, match="gives 4 entries per sample where 2"):
        HigherOrderField(inner, 2)(time, torch.zeros(1, 4))
    with pytest.raises(ValueError, match="do not fit into a state of 2"):
        SelectiveHigherOrderField(inner, 2, selected=4)(time, torch.zeros(1, 2))
