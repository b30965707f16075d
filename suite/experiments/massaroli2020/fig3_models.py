"""The models of Figure 3: with no augmentation, and the controls beside them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from suite.experiments.massaroli2020.fig3_settings import Fig3Settings
from suite.models import Gradient, ODEBlock
from suite.models.augmentation import ZeroAugmentation
from suite.models.data_control import DataControlledBlock
from suite.models.depth_varying import FourierBasis, ReleasedFourierBasis, StackedField
from suite.models.planar_classifiers import (
    PlanarClassifier,
    data_controlled_perceptron,
    galerkin_perceptron,
    perceptron_field,
    stacked_perceptrons,
)


def new_model(variant: str, settings: Fig3Settings) -> PlanarClassifier:
    """Return the untrained model of a variant."""
    return _BUILDERS[variant](settings)


def _mlp(settings: Fig3Settings) -> PlanarClassifier:
    return PlanarClassifier(_input_perceptron(settings), None, nn.Linear(2, 1))


def _input_network(settings: Fig3Settings) -> PlanarClassifier:
    return PlanarClassifier(_input_perceptron(settings), _block(_vanilla_field(2, settings), settings), nn.Linear(2, 1))


def _vanilla(settings: Fig3Settings) -> PlanarClassifier:
    return _in_the_plane(_vanilla_field(2, settings), settings)


def _depth_concatenated(settings: Fig3Settings) -> PlanarClassifier:
    hidden = (settings.hidden, settings.hidden)
    return _in_the_plane(perceptron_field(2, 2, hidden, reads_depth=True, starts_at_zero=True), settings)


def _galerkin_released(settings: Fig3Settings) -> PlanarClassifier:
    basis = ReleasedFourierBasis(settings.harmonics)
    return _in_the_plane(galerkin_perceptron(basis, hidden=settings.galerkin_hidden), settings)


def _galerkin(settings: Fig3Settings) -> PlanarClassifier:
    basis = FourierBasis(settings.harmonics)
    return _in_the_plane(galerkin_perceptron(basis, hidden=settings.galerkin_hidden), settings)


def _stacked(settings: Fig3Settings) -> PlanarClassifier:
    return _in_the_plane(stacked_perceptrons(settings.pieces, hidden=settings.stacked_hidden), settings)


def _anode(settings: Fig3Settings) -> PlanarClassifier:
    state = 2 + settings.extra
    block = _block(_vanilla_field(state, settings), settings)
    return PlanarClassifier(ZeroAugmentation(settings.extra), block, nn.Linear(state, 1))


def _data_control(settings: Fig3Settings) -> PlanarClassifier:
    field = data_controlled_perceptron(hidden=settings.controlled_hidden)
    block = DataControlledBlock(
        field,
        method=settings.method,
        rtol=settings.training_tolerance,
        atol=settings.training_tolerance,
        gradient=_gradient(settings),
    )
    return PlanarClassifier(nn.Identity(), block, nn.Linear(2, 1))


_BUILDERS: dict[str, Callable[[Fig3Settings], PlanarClassifier]] = {
    "mlp": _mlp,
    "input-network": _input_network,
    "vanilla": _vanilla,
    "depth-concatenated": _depth_concatenated,
    "galerkin-released": _galerkin_released,
    "galerkin": _galerkin,
    "stacked": _stacked,
    "anode": _anode,
    "data-control": _data_control,
}

VARIANTS = tuple(_BUILDERS)
"""The controls first, the model without a crack last."""


def _in_the_plane(field: nn.Module, settings: Fig3Settings) -> PlanarClassifier:
    return PlanarClassifier(nn.Identity(), _block(field, settings), nn.Linear(2, 1))


def _vanilla_field(state: int, settings: Fig3Settings) -> nn.Module:
    return perceptron_field(state, state, (settings.hidden, settings.hidden), starts_at_zero=True)


def _input_perceptron(settings: Fig3Settings) -> nn.Module:
    return nn.Sequential(nn.Linear(2, settings.input_hidden), nn.Tanh(), nn.Linear(settings.input_hidden, 2))


def _block(field: nn.Module, settings: Fig3Settings) -> ODEBlock:
    # An adaptive step that crosses from one piece into the next would see a field that is not smooth.
    jumps = {"jump_t": field.jumps(0.0, 1.0)} if isinstance(field, StackedField) else None
    return ODEBlock(
        field,
        method=settings.method,
        rtol=settings.training_tolerance,
        atol=settings.training_tolerance,
        gradient=_gradient(settings),
        options=jumps,
    )


def _gradient(settings: Fig3Settings) -> Gradient:
    return "direct" if settings.gradient == "direct" else "adjoint"
