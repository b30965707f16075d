"""Settings of the roll-outs on Lorenz' and Van der Pol's attractors."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

TUTORIAL = "torchdyn's tutorial m2a by the authors; not in the paper"


@dataclass(frozen=True)
class LorenzSettings(Settings):
    """Systems, steps, training and roll-outs; the defaults are those of the tutorial where it says."""

    systems: tuple[str, ...] = setting(
        ("lorenz", "van-der-pol"), ours="the tutorial has Lorenz; an oscillator beside it, which is not chaotic"
    )
    lorenz_rates: tuple[int, ...] = setting(
        (40, 80, 160, 320, 640),
        ours="evaluations of the field per unit of time, at which methods are compared; the tutorial's is 800",
    )
    oscillator_rates: tuple[int, ...] = setting((10, 20, 40, 80), ours="likewise")
    starts: int = setting(512, source=f"{TUTORIAL}: 512 initial conditions; here held-out ones")
    train_starts: int = setting(512, source=f"{TUTORIAL}: 512 initial conditions")
    lorenz_mean: float = setting(15.0, source=f"{TUTORIAL}: initial conditions N(15, 1) in each coordinate")
    train_time: float = setting(5.0, source=f"{TUTORIAL}: trajectories on [0, 5]")
    tolerance: float = setting(1e-8, source=f"{TUTORIAL}: of the reference that is learned from")
    samples: int = setting(200_000, ours="residuals kept at most; the tutorial uses all of the last trajectories")
    hidden: tuple[int, ...] = setting((64, 64), source=f"{TUTORIAL}: g is 3-64-64-3, with softplus; here SiLU")
    iterations: int = setting(300_000, source=f"{TUTORIAL}: 300,000 steps")
    batch: int = setting(512, ours="residuals of an iteration")
    learning_rate: float = setting(1e-2, ours="of AdamW, as in the paper's notebooks; the tutorial has Adadelta, 3e-4")
    last_learning_rate: float = setting(1e-4, ours="at the end of the cosine")
    gradient_norm: float = setting(50.0, ours="larger gradients are scaled down to it; residuals are in the thousands")
    lorenz_horizon: float = setting(10.0, ours="about nine times of Lyapunov; the tutorial's is 5")
    oscillator_horizon: float = setting(40.0, ours="six periods, of which g was fitted on less than one")
    valid_error: float = setting(0.1, ours="relative error at which a prediction is no longer valid")
    statistics_time: float = setting(40.0, ours="end of the roll-out whose second half is compared in distribution")
    statistics_rates: tuple[int, ...] = setting((80, 160), ours="for Lorenz; for the oscillator, its lowest rates")
    matched_rate: int = setting(80, ours="the rate of the hypersolver at which others are given its operations")
    matched_time: float = setting(1.0, ours="time over which they are compared")
    most_evaluations: int = setting(
        20_480, ours="a classical method gets no more per unit of time, however many operations the hypersolver has"
    )
    repeats: int = setting(7, ours="timed repeats; the fastest counts, as it is disturbed least")
