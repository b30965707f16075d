"""Running losses of the field's size alone."""

from __future__ import annotations

from torch import Tensor


def kinetic_energy(t: Tensor, z: Tensor, derivative: Tensor) -> Tensor:
    """Return ``|f|^2`` of each sample's whole state, the mean over samples (Finlay et al. 2020).

    Its integral is least for straight paths at constant speed, which a solver follows in few steps.
    """
    del t, z
    return derivative.flatten(1).square().sum(dim=1).mean()


def total_magnitude(t: Tensor, z: Tensor, derivative: Tensor) -> Tensor:
    """Return ``sum |f|`` over samples and entries of the state, as in a tutorial of the authors of the paper."""
    del t, z
    return derivative.abs().sum()
