"""Settings of Figure 2 of Massaroli et al. 2020."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

TUTORIAL = "the authors' library, torchdyn, tracking tutorial; not the paper's own run"


@dataclass(frozen=True)
class Fig2Settings(Settings):
    """Fields, training and test; the defaults are the paper profile. Appendix C.1 of the paper was not at hand."""

    hidden: int = setting(64, source=f"units between the two layers: {TUTORIAL}")
    harmonics: int = setting(5, source="section 3, from memory of the paper (unverified); the tutorial has 2")
    degree: int = setting(4, ours="of monomials and Chebyshev polynomials, which span the same functions")
    misfit_period: float = setting(
        1.5, ours="of the Fourier basis with another period than the signal's; longer than the training interval"
    )
    method: str = setting("dopri5", source=f"{TUTORIAL}; smaller profiles take steps on a fixed grid, which is faster")
    steps: int = setting(
        20,
        ours="of training on the depths [0, 1] by a method of fixed steps, on which stacked pieces end",
    )
    rtol: float = setting(1e-4, source=f"{TUTORIAL}, first version; later 1e-6")
    atol: float = setting(1e-6, source=f"{TUTORIAL}")
    gradient: str = setting(
        "adjoint",
        source="section 2: the generalised adjoint; smaller profiles differentiate through the solver, and all "
        "measure the difference",
    )
    batch_size: int = setting(100, source=f"initial conditions, fresh in every iteration: {TUTORIAL}, first version")
    deviation: float = setting(0.1, source=f"of the initial conditions of the training: {TUTORIAL}, first two versions")
    learning_rate: float = setting(1e-3, source=f"Adam: {TUTORIAL}, July 2020")
    final_learning_rate: float = setting(
        1.0, ours="part of the learning rate that a cosine schedule ends at; 1 keeps it constant"
    )
    iterations: int = setting(1_500, source=f"{TUTORIAL}, July 2020")
    test_conditions: int = setting(100, source=f"{TUTORIAL}")
    test_deviation: float = setting(0.2, source=f"of the initial conditions of the test: {TUTORIAL}")
    last_depth: int = setting(5, source=f"where extrapolation ends: {TUTORIAL}; the paper's is not known to us")
    test_steps: int = setting(
        100,
        ours="of rk4 in a unit of depth: no tolerance is met where an untrained field grows without bound",
    )
    gradient_conditions: int = setting(8, ours="initial conditions for which gradients are compared")
    tolerances: tuple[float, ...] = setting(
        (1e-4, 1e-6, 1e-8), ours="relative and absolute, of dopri5 forwards and backwards, of the gradients compared"
    )
    reference_tolerance: float = setting(1e-11, ours="of the gradient that the others are compared with")
    drawn_steps: int = setting(20, ours="points in a unit of depth of curves that are drawn")
    drawn_conditions: int = setting(5, ours="test trajectories that are drawn")
    drawn_parameters: int = setting(4, ours="parameters that are drawn: those that vary most on the training interval")
