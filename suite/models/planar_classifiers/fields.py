"""Small perceptrons as vector fields: with the depth as an input, on a basis, in pieces, or with the input itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from suite.models.data_control import ConditionConcatenation
from suite.models.depth_varying import Basis, DepthConcatenation, DepthField, GalerkinLinear, StackedField

Activation = Callable[[], nn.Module]


def perceptron_field(
    inputs: int,
    outputs: int,
    hidden: Sequence[int],
    activation: Activation = nn.Tanh,
    *,
    reads_depth: bool = False,
    last_activation: Activation | None = None,
    starts_at_zero: bool = False,
) -> DepthField:
    """Return a perceptron ``f(s, z)`` from ``[n, inputs]`` to ``[n, outputs]``.

    Args:
        inputs: Entries of what it reads.
        outputs: Entries of the derivative.
        hidden: Units of each hidden layer.
        activation: After every hidden layer.
        reads_depth: Whether the depth is one more input of every layer before a hidden activation, as in the released
            annuli notebook of Massaroli et al. 2020; the last layer never reads it.
        last_activation: After the last layer; None leaves that linear, as appendix B.2 of the paper advises.
        starts_at_zero: Whether the last layer has zero weights and biases at first, so that nothing moves.
    """
    layers: list[nn.Module] = []
    width = inputs
    for units in hidden:
        if reads_depth:
            layers.append(DepthConcatenation())
        layers += [nn.Linear(width + reads_depth, units), activation()]
        width = units
    last = nn.Linear(width, outputs)
    if starts_at_zero:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    layers.append(last)
    if last_activation is not None:
        layers.append(last_activation())
    return DepthField(*layers)


def galerkin_perceptron(basis: Basis, *, state: int = 2, hidden: int = 16) -> DepthField:
    """Return a perceptron with two hidden layers, the weights of the second expanded on a basis of depth."""
    return DepthField(
        nn.Linear(state, hidden), nn.Tanh(), GalerkinLinear(hidden, hidden, basis), nn.Tanh(), nn.Linear(hidden, state)
    )


def stacked_perceptrons(pieces: int, *, state: int = 2, hidden: int = 16) -> StackedField:
    """Return a field that is another perceptron with one hidden layer on each piece of the depth from 0 to 1."""
    return StackedField([perceptron_field(state, state, (hidden,)) for _ in range(pieces)])


def data_controlled_perceptron(
    *, state: int = 2, condition: int = 2, hidden: int = 32, activation: Activation = nn.Softplus
) -> ConditionConcatenation:
    """Return ``f(s, z, x)``, a perceptron that reads state and input beside each other."""
    return ConditionConcatenation(perceptron_field(state + condition, state, (hidden,), activation))
