"""Settings of tracking a periodic signal by hypersolvers."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import setting
from suite.experiments.massaroli2020.tracking_settings import TUTORIAL, TrackingSettings

RECALLED = "the paper, if it has the experiment at all, from memory with low confidence"
NOTEBOOK = "the authors' released image notebooks"


@dataclass(frozen=True)
class TrackedSettings(TrackingSettings):
    """Field, hypersolver and comparison; the defaults are the paper profile, of a paper that may not have it."""

    hidden: int = setting(64, source=f"two layers: {RECALLED}; units between them: {TUTORIAL}")
    test_conditions: int = setting(100, source=TUTORIAL)
    test_deviation: float = setting(0.2, source=f"of the initial conditions of the test and of g: {TUTORIAL}")
    reference_tolerance: float = setting(1e-10, ours="of dopri8, which all methods are measured against")
    evaluations: tuple[int, ...] = setting(
        (4, 8, 12, 16, 24, 32, 48, 64), ours="of the field on [0, 1], the same for every method of fixed steps"
    )
    trained_steps: int = setting(
        8, ours=f"at which g is fitted: {NOTEBOOK} have 9, which RK4 could not be given the evaluations of"
    )
    correction_hidden: tuple[int, ...] = setting(
        (32,),
        ours="g has two layers, as the paper's from memory; half as wide as the field's, so that in a large batch a "
        "step costs about 1.9 evaluations, as the released MNIST hypersolver's 1.82",
    )
    fit_conditions: int = setting(1_000, ours="initial conditions that g is fitted on; none is tested on")
    fit_iterations: int = setting(15_000, source=f"{NOTEBOOK}: 15,000 iterations")
    fit_batch: int = setting(256, ours="residuals of an iteration")
    fit_learning_rate: float = setting(1e-2, ours="of AdamW; the notebooks have 1e-3, for convolutions")
    fit_last_learning_rate: float = setting(1e-4, ours="at the end of the cosine")
    fit_weight_decay: float = setting(1e-8, source=NOTEBOOK)
    fit_gradient_norm: float = setting(1.0, source=f"{NOTEBOOK}: larger gradients are scaled down to 1")
    tolerances: tuple[float, ...] = setting((1e-1, 1e-2, 1e-3, 1e-4), ours="of dopri5, absolute and relative")
