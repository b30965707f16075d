"""Corrections in safetensors files that say which hypersolver they were trained for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from suite.solvers.errors import InvalidProblemError, InvalidTypeError
from suite.solvers.hyper.method import Hypersolver


def save_correction(path: Path, hypersolver: Hypersolver) -> None:
    """Write the weights of a correction, with base, order and input form beside them.

    Args:
        path: The file, replaced if it is there.
        hypersolver: Its correction is a module that declares its input form.

    Raises:
        InvalidTypeError: When it is not.
    """
    module = _module(hypersolver)
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }
    save_file(weights, str(path), metadata=_identity(hypersolver))


def load_correction(path: Path, hypersolver: Hypersolver) -> None:
    """Read weights into the correction of a hypersolver, which must be the one that they were trained for.

    Args:
        path: A file of :func:`save_correction`.
        hypersolver: Takes the weights, on the device where its correction is.

    Raises:
        InvalidTypeError: When its correction is no module that declares its input form.
        InvalidProblemError: When base, order, input form or the shapes of the weights differ.
    """
    module = _module(hypersolver)
    with safe_open(str(path), framework="pt") as file:
        found = file.metadata() or {}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    wanted = _identity(hypersolver)
    # The coefficients decide whether the base is the same; its name is for the reader.
    if any(found.get(name) != wanted[name] for name in ("coefficients", "order", "form")):
        raise InvalidProblemError(
            f"{path} holds a correction of {_words(found)}; this hypersolver's is of {_words(wanted)}"
        )
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise InvalidProblemError(f"the weights in {path} are not those of this correction: {error}") from error


def _module(hypersolver: Hypersolver) -> nn.Module:
    module = hypersolver.correction
    if not isinstance(module, nn.Module) or hypersolver.form is None:
        raise InvalidTypeError("a correction is saved and loaded where it is a module that declares its input form")
    return module


def _identity(hypersolver: Hypersolver) -> dict[str, str]:
    tableau = hypersolver.tableau
    coefficients = hashlib.sha256(f"{tableau.coefficients.tolist()} {tableau.weights.tolist()}".encode()).hexdigest()
    return {
        "base": hypersolver.base.name,
        "order": str(hypersolver.order),
        "coefficients": coefficients,
        "form": str(hypersolver.form),
    }


def _words(identity: dict[str, str]) -> str:
    base, order, form = (identity.get(name, "?") for name in ("base", "order", "form"))
    return f"base {base}, order {order}, inputs {form}"
