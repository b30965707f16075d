"""The kinds of dynamics that are compared: what the state is, how it starts, and what the field has to give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import nn

from suite.models.augmentation import HigherOrderField, InputLayer, SelectiveHigherOrderField, ZeroAugmentation
from suite.models.order_networks.steady_field import SteadyField


@dataclass(frozen=True)
class Kind:
    """A kind of dynamics for inputs of any size.

    Attributes:
        state: Size of the state, of inputs of a size.
        start: The layer from inputs to initial states.
        field: The vector field of states, given the size of the inputs and the hidden units.
    """

    state: Callable[[int], int]
    start: Callable[[int], nn.Module]
    field: Callable[[int, int], nn.Module]


def _zeros_last(extra: Callable[[int], int]) -> Callable[[int], nn.Module]:
    return lambda inputs: ZeroAugmentation(extra(inputs), first=False)


def _order(order: int) -> Kind:
    """Dynamics of one order for the whole state: the input is the position, and all its derivatives start at zero."""
    return Kind(
        state=lambda inputs: order * inputs,
        start=_zeros_last(lambda inputs: (order - 1) * inputs),
        field=lambda inputs, hidden: HigherOrderField(SteadyField(order * inputs, hidden, inputs), order),
    )


def _augmented(extra: Callable[[int], int]) -> Kind:
    """First-order dynamics of the input with zeros behind it."""
    return Kind(
        state=lambda inputs: inputs + extra(inputs),
        start=_zeros_last(extra),
        field=lambda inputs, hidden: SteadyField(inputs + extra(inputs), hidden, inputs + extra(inputs)),
    )


TUTORIAL_STATE = 8
"""Size of the states of the authors' tutorial on augmentation, for three inputs."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "first": _augmented(lambda _: 0),
        "anode": _augmented(lambda inputs: inputs),
        "input-layer": Kind(
            state=lambda inputs: 2 * inputs,
            start=lambda inputs: InputLayer(nn.Linear(inputs, inputs), keep_input=True),
            field=lambda inputs, hidden: SteadyField(2 * inputs, hidden, 2 * inputs),
        ),
        "anode-tutorial": _augmented(lambda inputs: TUTORIAL_STATE - inputs),
        "input-layer-tutorial": Kind(
            state=lambda _: TUTORIAL_STATE,
            start=lambda inputs: InputLayer(nn.Linear(inputs, TUTORIAL_STATE)),
            field=lambda _, hidden: SteadyField(TUTORIAL_STATE, hidden, TUTORIAL_STATE),
        ),
        # The state is [position, velocity, rest]: the zero is the position, and the first input its velocity.
        "selective": Kind(
            state=lambda inputs: inputs + 1,
            start=lambda _: ZeroAugmentation(1),
            field=lambda inputs, hidden: SelectiveHigherOrderField(SteadyField(inputs + 1, hidden, inputs), 2, 2),
        ),
        "tenth": _order(10),
        "second": _order(2),
    }
)
"""The kinds by name. States of ``anode`` and ``input-layer`` are as large as those of ``second``."""
