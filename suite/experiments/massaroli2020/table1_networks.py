"""The networks of Table 1 and of its controls, all made of one augmentation, one flow and one head."""

from __future__ import annotations

from torch import nn

from suite.experiments.massaroli2020.table1_settings import Table1Settings
from suite.models import ODEBlock
from suite.models.augmentation import HigherOrderField, InputLayer, ZeroAugmentation
from suite.models.augmented_classifier import (
    AugmentedClassifier,
    DepthInvariantField,
    ResidualStep,
    instance_normalised_layers,
    pooled_head,
)

VARIANTS = (
    "cnn",
    "resnet",
    "node",
    "node-wide-head",
    "anode",
    "anode-unnormalised",
    "il-node",
    "il-node-input-kept",
    "second-order-zeros",
    "second-order",
)
WITHOUT_AN_ODE = ("cnn", "resnet")
ORDER = 2


def network(variant: str, settings: Table1Settings) -> AugmentedClassifier:
    """Return the untrained network of a variant.

    The rows of the table are ``node``, ``anode``, ``il-node`` and ``second-order``. Of the controls, each takes one
    difference between two rows alone: ``node-wide-head`` has the head of the others, ``anode-unnormalised`` no
    normalisation of the channels that start at zero, ``il-node-input-kept`` the state ``[x, xi(x)]`` of the paper's
    equation, and ``second-order-zeros`` no input layer. ``resnet`` and ``cnn`` are ``il-node`` with one Euler step and
    with a plain application of its field in place of the solve: as many parameters, and no ODE.
    """
    image, width = settings.image_channels, settings.channels
    state = image if variant.startswith("node") else width
    hidden = settings.node_hidden if variant.startswith("node") else width
    head = settings.node_head_channels if variant == "node" else settings.head_channels
    return AugmentedClassifier(
        _augmentation(variant, image, width),
        _body(variant, state, hidden, settings),
        pooled_head(state, head, settings.head_grid),
    )


def ode_block(model: nn.Module) -> ODEBlock | None:
    """Return the block of continuous depth of a network that has one."""
    return model.body if isinstance(model, AugmentedClassifier) and isinstance(model.body, ODEBlock) else None


def _augmentation(variant: str, image: int, width: int) -> nn.Module:
    if variant.startswith("node"):
        return nn.Identity()
    if variant.startswith("anode") or variant == "second-order-zeros":
        return ZeroAugmentation(width - image)
    if variant == "il-node-input-kept":
        return InputLayer(_convolution(image, width - image), keep_input=True)
    if variant == "second-order":
        # The positions start at zero and the image enters as velocity, as in the released notebook.
        velocities = width // ORDER
        return nn.Sequential(InputLayer(_convolution(image, velocities)), ZeroAugmentation(width - velocities))
    return InputLayer(_convolution(image, width))


def _convolution(channels: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=1, bias=False)


def _body(variant: str, state: int, hidden: int, settings: Table1Settings) -> nn.Module:
    second_order = variant.startswith("second-order")
    layers = instance_normalised_layers(
        state,
        hidden,
        state // ORDER if second_order else state,
        normalise_input=variant != "anode-unnormalised",
    )
    if variant == "cnn":
        return layers
    if variant == "resnet":
        return ResidualStep(layers)
    field: nn.Module = DepthInvariantField(layers)
    return ODEBlock(
        HigherOrderField(field, ORDER) if second_order else field,
        method=settings.method,
        rtol=settings.tolerance,
        atol=settings.tolerance,
    )
