"""Settings of Figure 1 and of section 4.2: sampling continuous normalizing flows in two evaluations."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

NOTEBOOK = "the authors' released CNF notebook"


@dataclass(frozen=True)
class Fig1Settings(Settings):
    """Flow, hypersolver and baselines; the defaults are those of the released notebook where it says."""

    width: int = setting(128, source=f"{NOTEBOOK}: the field is 2-128-128-128-128-2")
    flow_gain: float = setting(
        2.0, ours="factor on the usual initial weights, with which the field is nearly nothing and learns late"
    )
    flow_iterations: int = setting(3_000, source=f"{NOTEBOOK}: 3,000 iterations")
    flow_batch: int = setting(1_024, source=f"{NOTEBOOK}: 1,024 fresh samples an iteration")
    flow_learning_rate: float = setting(1e-3, source=f"{NOTEBOOK}: AdamW, 1e-3")
    flow_weight_decay: float = setting(1e-6, source=NOTEBOOK)
    gradient_norm: float = setting(0.5, source=f"{NOTEBOOK}: gradients are clipped at 0.5")
    flow_tolerance: float = setting(1e-5, source=f"{NOTEBOOK}: dopri5 at 1e-5, absolute and relative")
    samples: int = setting(4_096, ours="points of the base density that errors are averaged over")
    reference_tolerance: float = setting(1e-10, ours="of dopri8, which all methods are measured against")
    pool: int = setting(20_000, ours="points of the base density that corrections are fitted on; none is tested on")
    hidden: tuple[int, ...] = setting((64, 64), source=f"{NOTEBOOK}: g is 13-64-64-3")
    iterations: int = setting(3_000, source=f"{NOTEBOOK}: 3,000 iterations")
    batch: int = setting(256, source=f"{NOTEBOOK}: 256 points of the base density an iteration")
    learning_rate: float = setting(5e-3, source=f"{NOTEBOOK}: AdamW, 5e-3 ...")
    last_learning_rate: float = setting(5e-4, source=f"{NOTEBOOK}: ... falling to 5e-4 along a cosine")
    weight_decay: float = setting(1e-6, source=NOTEBOOK)
    teacher_tolerance: float = setting(1e-8, source=f"{NOTEBOOK}: the reference that g learns from is dopri5 at 1e-8")
    steps: tuple[int, ...] = setting((1, 2, 4, 8, 16), ours="steps of classical methods")
    tolerances: tuple[float, ...] = setting((1e-1, 1e-2, 1e-3, 1e-4), ours="of adaptive methods, absolute and relative")
    tight_tolerances: tuple[float, ...] = setting(
        (1e-5, 1e-6, 1e-8), ours="further ones of dopri5; the notebook's are 1e-5 in training and 1e-8 of the teacher"
    )
    scalar_iterations: int = setting(300, ours="iterations that fit the three numbers of a two-stage method")
    equivalent_steps: tuple[int, ...] = setting(
        (1, 2, 3, 4, 6, 8, 12, 16, 24, 32), ours="steps that are tried to reach the error of a hypersolver"
    )
    drawn: int = setting(300, ours="samples in a picture; the notebook's have 1,024")
