"""MNIST, section 4.1 of Poli et al. 2020: HyperEuler on an image classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Profile, Settings
from suite.experiments.poli2020.image_run import ImageHypersolver
from suite.experiments.poli2020.image_settings import ImageSettings, small_profiles


class Mnist(ImageHypersolver):
    """HyperEuler, Euler, midpoint, Heun, both RK4 and AB2 on a classifier of MNIST."""

    id = "poli2020/mnist"
    title = "Section 4.1: HyperEuler on a classifier of MNIST"
    # One evaluation of g costs 0.79 of the field's; 0.82 at the published size.
    profiles: ClassVar[Mapping[Profile, Settings]] = small_profiles(ImageSettings(), (8, 12, 8))
    datasets = ("mnist",)
    pixels = 28
    paper_cost = (
        "estimated, not measured: 3 to 5 GPU-hours on an H200 for one seed, most of it the training of the classifier"
    )
