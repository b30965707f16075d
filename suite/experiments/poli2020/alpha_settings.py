"""Settings of HyperMidpoint over the second-order family; data, network and fit are those of the MNIST experiment."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

NOTEBOOK = "the authors' released alpha-family notebook"


@dataclass(frozen=True)
class AlphaSettings(Settings):
    """Members of the family, correction and residuals; the defaults are the paper profile."""

    alphas: tuple[float, ...] = setting(
        (
            0.01, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
            0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0,
        ),
        source=f"{NOTEBOOK}: 20 values from 0.01 to 1; ours hold 0.5 itself, which equal distances do not",
    )  # fmt: skip
    trained_alpha: float = setting(0.5, source=f"{NOTEBOOK}: g is fitted with midpoint as base")
    correction_channels: int = setting(92, source=f"{NOTEBOOK}: g is 65-92-32, with ReLU")
    refitted_alphas: tuple[float, ...] = setting(
        (0.1, 1.0), ours="members with which g is fitted anew, for what that would gain"
    )
    residual_images: int = setting(8, ours="test images whose residuals are compared with the prediction")
    residual_steps: tuple[int, ...] = setting(
        (9, 18, 36, 72), ours="steps on the unit interval at which they are; the notebook's 9, and shorter ones"
    )
    residual_tolerance: float = setting(
        1e-12, ours="of dopri8 in double precision, as a residual divides an error by the third power of the step"
    )
