"""Settings of the Pareto fronts."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting
from suite.experiments.poli2020.fig1_settings import NOTEBOOK


@dataclass(frozen=True)
class ParetoSettings(Settings):
    """What competes on every field, and what is fitted on those of flows.

    On images, fields, batches and corrections are those of ``poli2020/mnist`` and ``cifar10`` at the same profile.
    """

    steps: tuple[int, ...] = setting((1, 2, 3, 4, 6, 8, 12, 16), ours="of methods on a fixed grid")
    most_evaluations: int = setting(32, ours="of the field by a method on a fixed grid; the fronts end before")
    tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6), ours="of adaptive methods, absolute and relative, from loose ones on"
    )
    peers: tuple[str, ...] = setting(("torchdiffeq", "torchdyn"), ours="other libraries, those that are installed")
    rounds: int = setting(5, ours="timed solves of each, in turn; the fastest counts")
    fitted_heun_steps: tuple[int, ...] = setting(
        (1, 2, 4), ours="of two-stage methods whose coefficients are fitted: 3 numbers a step"
    )
    fitted_rk4_steps: tuple[int, ...] = setting((1, 2), ours="of four-stage ones: 10 numbers a step")
    scalar_iterations: int = setting(300, ours="that fit such coefficients, as in poli2020/fig1")
    scalar_learning_rate: float = setting(0.02, ours="of Adam for such coefficients, falling to 0 along a cosine")
    scalar_batch: int = setting(32, ours="samples of an iteration that fits them, as they are few")
    distilled_steps: tuple[int, ...] = setting(
        (1, 2), ours="steps of HyperHeun that direct networks have the operations of; another has HyperEuler's fewest"
    )
    fitted_steps: tuple[int, ...] = setting(
        (1, 2, 4, 8), ours="steps that a correction of its own is fitted at; the notebook has one step"
    )
    hyper_steps: tuple[int, ...] = setting((1, 2, 4, 8), ours="steps of hypersolvers")
    samples: int = setting(4_096, ours="points of the base density that are measured and timed at once")
    reference_tolerance: float = setting(1e-10, ours="of dopri8, which all methods are measured against")
    pool: int = setting(20_000, ours="points of the base density that is learned from; none is tested on")
    teacher_tolerance: float = setting(1e-8, source=f"{NOTEBOOK}: the reference that g learns from is dopri5 at 1e-8")
    hidden: tuple[int, ...] = setting(
        (64, 64), source=f"{NOTEBOOK}: two layers of 64; smaller profiles keep their cost beside the field's, 5 %"
    )
    iterations: int = setting(3_000, source=f"{NOTEBOOK}: 3,000 iterations, of direct networks as well")
    batch: int = setting(256, source=f"{NOTEBOOK}: 256 points of the base density an iteration")
    learning_rate: float = setting(5e-3, source=f"{NOTEBOOK}: AdamW, 5e-3 ...")
    last_learning_rate: float = setting(5e-4, source=f"{NOTEBOOK}: ... falling to 5e-4 along a cosine")
    weight_decay: float = setting(1e-6, source=NOTEBOOK)
    gradient_norm: float = setting(0.5, source=f"{NOTEBOOK}: gradients are clipped at 0.5")
    image_steps: tuple[int, ...] = setting(
        (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 16, 20, 24), ours="of methods on a fixed grid, on images"
    )
    image_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5), ours="of adaptive methods on images, in single precision"
    )
    image_fitted_steps: tuple[int, ...] = setting(
        (9,), source="the authors' released hypersolver notebooks: g is fitted on 9 steps and used at all others"
    )
    image_hyper_steps: tuple[int, ...] = setting(
        (2, 3, 4, 5, 7, 8, 9, 11, 13), ours="steps of hypersolvers on images: 3 to 24 evaluations, g's cost counted"
    )
    image_samples: int = setting(1_000, ours="test images that are measured and timed at once")
    image_pool: int = setting(2_000, ours="training images that are learned from, their trajectories solved once")
    image_iterations: int = setting(
        15_000, source="the authors' released hypersolver notebooks: 15,000 iterations, of direct networks as well"
    )
    image_batch: int = setting(
        144, source="the authors' released hypersolver notebooks: all 9 steps of 16 images; here drawn with replacement"
    )
