"""Settings of Figure 2 of Massaroli et al. 2020."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import setting
from suite.experiments.massaroli2020.tracking_settings import TUTORIAL, TrackingSettings


@dataclass(frozen=True)
class Fig2Settings(TrackingSettings):
    """Fields, training and test; the defaults are the paper profile. Appendix C.1 of the paper was not at hand."""

    degree: int = setting(4, ours="of monomials and Chebyshev polynomials, which span the same functions")
    misfit_period: float = setting(
        1.5, ours="of the Fourier basis with another period than the signal's; longer than the training interval"
    )
    test_conditions: int = setting(100, source=f"{TUTORIAL}")
    test_deviation: float = setting(0.2, source=f"of the initial conditions of the test: {TUTORIAL}")
    last_depth: int = setting(5, source=f"where extrapolation ends: {TUTORIAL}; the paper's is not known to us")
    test_steps: int = setting(
        100,
        ours="of rk4 in a unit of depth, on the training interval and where it is repeated",
    )
    beyond_tolerance: float = setting(
        1e-6, ours="of LSODA beyond the training interval: fields whose parameters grow with depth are stiff there"
    )
    gradient_conditions: int = setting(8, ours="initial conditions for which gradients are compared")
    tolerances: tuple[float, ...] = setting(
        (1e-4, 1e-6, 1e-8), ours="relative and absolute, of dopri5 forwards and backwards, of the gradients compared"
    )
    reference_tolerance: float = setting(1e-11, ours="of the gradient that the others are compared with")
    drawn_steps: int = setting(20, ours="points in a unit of depth of curves that are drawn")
    drawn_conditions: int = setting(3, ours="test trajectories that are drawn")
    drawn_parameters: int = setting(3, ours="parameters that are drawn: those that vary most on the training interval")
