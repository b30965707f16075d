"""CIFAR-10, section 4.1 of Poli et al. 2020, apart from MNIST so that a machine without CIFAR-10 runs that half."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Profile, Settings
from suite.experiments.poli2020.image_run import ImageHypersolver
from suite.experiments.poli2020.image_settings import Cifar10Settings, small_profiles


class Cifar10(ImageHypersolver):
    """HyperEuler, Euler, midpoint, Heun, both RK4 and AB2 on a classifier of CIFAR-10."""

    id = "poli2020/cifar10"
    title = "Section 4.1: HyperEuler on a classifier of CIFAR-10"
    # One evaluation of g costs 0.67 of the field's; 0.66 at the published size.
    profiles: ClassVar[Mapping[Profile, Settings]] = small_profiles(Cifar10Settings(), (10, 25, 16))
    datasets = ("cifar10",)
    pixels = 32
    paper_cost = (
        "estimated, not measured: 4 to 6 GPU-hours on an H200 for one seed, most of it the training of the classifier"
    )
