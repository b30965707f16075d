"""The perceptron that every library evaluates from the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reference.crosschecks.perceptron_field import PerceptronField


def test_formula_of_a_perceptron_equals_its_layers() -> None:
    field = PerceptronField((2, 16, 8, 2), torch.Generator().manual_seed(0)).double()
    y = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    numbers = [number.detach().numpy() for number in field.numbers()]
    by_layers = field(torch.tensor(0.0), y).detach().numpy()
    np.testing.assert_allclose(field.formula(np, 0.0, y.numpy(), *numbers), by_layers, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("widths", [(2,), (2, 16, 3)])
def test_widths_that_are_no_vector_field_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="begin and end with that of the state"):
        PerceptronField(widths, torch.Generator())
