"""Settings of theorem 1."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

NOTEBOOK = "the authors' released CNF notebook"


@dataclass(frozen=True)
class Theorem1Settings(Settings):
    """Problems, steps and fits; the paper proves the theorem and measures nothing of it, so that most is ours."""

    problems: tuple[str, ...] = setting(
        ("van-der-pol", "perceptron"), ours="an oscillator, and a random perceptron field as Neural ODEs have"
    )
    bases: tuple[str, ...] = setting(
        ("euler", "heun2", "rk4_classic"), ours="one base solver each of orders 1, 2 and 4"
    )
    starts: int = setting(256, ours="initial conditions that errors are averaged over, none of them trained on")
    oracle_substeps: int = setting(
        32, ours="least steps of dopri8 on the unit interval, for trajectories and residuals exact to rounding"
    )
    oracle_steps: tuple[int, ...] = setting((10, 20, 40, 80), ours="steps on the unit interval, of the oracle")
    deltas: tuple[float, ...] = setting((1e-1, 1e-2, 1e-3), ours="errors ||R - g|| of the disturbed oracle")
    grids: tuple[int, ...] = setting(
        (16, 16, 8),
        ours="points of the nominal trajectories on the unit interval, for each order; at a finer one the errors of "
        "order 4 are rounding errors before the order shows",
    )
    trained_stride: int = setting(4, ours="the step that g is fitted at, in intervals of the grid: 1/4, 1/4 and 1/2")
    strides: tuple[int, ...] = setting((1, 2, 4, 8), ours="where g is fitted at several steps")
    transfers: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0, 4.0, 8.0), ours="steps per trained step at which a fitted g is tested"
    )
    fine: tuple[float, ...] = setting(
        (32.0, 48.0, 96.0), ours="likewise, where the step has hardly an influence on the residual any more"
    )
    train_starts: int = setting(256, source=f"{NOTEBOOK}: batches of 256")
    hidden: tuple[int, ...] = setting((64, 64), source=f"{NOTEBOOK}: two hidden layers of 64 units")
    iterations: int = setting(3_000, source=f"{NOTEBOOK}: 3,000 iterations")
    trajectory_iterations: int = setting(3_000, source=f"{NOTEBOOK}: 3,000 iterations, of trajectory fitting")
    batch: int = setting(256, source=f"{NOTEBOOK}: 256")
    learning_rate: float = setting(
        1e-2, ours="of AdamW, with SiLU units; the notebook has 5e-3, for networks that are not scaled"
    )
    last_learning_rate: float = setting(1e-4, ours="to which it falls along a cosine")
    weight_decay: float = setting(1e-6, source=NOTEBOOK)
    gradient_norm: float = setting(5.0, ours="larger gradients are scaled down to it; the notebook has 0.5")
    horizon: float = setting(12.5, ours="end of a roll-out beyond the unit interval of training, 50 steps of 1/4")
    displacement: float = setting(0.5, ours="distance of a state off the trajectories from one on them")
    widths: tuple[int, ...] = setting((4, 16, 64, 256), ours="units of each hidden layer of g, for its overhead")
    field_width: int = setting(128, source=f"{NOTEBOOK}: the field's 2-128-128-128-128-2 perceptron")
    cost_batch: int = setting(256, ours="states of an evaluation of the perceptron field whose cost is measured")
    repeats: int = setting(7, ours="timed repeats; the fastest counts, as it is disturbed least")
    adaptive_tolerances: tuple[float, ...] = setting((1e-2, 1e-4, 1e-6), ours="of dopri5, start by start")
