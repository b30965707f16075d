"""Theorems and propositions of Massaroli et al. 2020, tested numerically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings
from suite.experiments.massaroli2020.theorems_exact import higher_orders, proposition_2, universality
from suite.experiments.massaroli2020.theorems_flows import memory, no_crossing, reversibility
from suite.experiments.massaroli2020.theorems_functional import functional_gradient, stacked_gradient
from suite.experiments.massaroli2020.theorems_gradients import generalised_adjoint, spectral_gradient
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.experiments.massaroli2020.theorems_terms import depth_gradient, explicit_theta

Test = Callable[[TheoremsSettings, Meter], None]

TESTS: Mapping[str, Test] = {
    "reversibility": reversibility,
    "memory": memory,
    "no-crossing": no_crossing,
    "higher-orders": higher_orders,
    "universality": universality,
    "proposition-2": proposition_2,
    "depth-gradient": depth_gradient,
    "explicit-theta": explicit_theta,
    "stacked-gradient": stacked_gradient,
    "functional-gradient": functional_gradient,
    "spectral-gradient": spectral_gradient,
    "generalised-adjoint": generalised_adjoint,
}


class Theorems(Experiment):
    """One variant for each statement, in float64 on fields drawn from the seed; nothing is trained.

    ``generalised-adjoint`` is proposition 1, ``functional-gradient`` theorem 1, ``spectral-gradient`` and
    ``stacked-gradient`` its corollary and its counterpart for pieces, ``proposition-2`` the reflection by data control,
    ``depth-gradient`` that of adaptive depth, ``explicit-theta`` the term of a running loss that reads the parameters,
    ``universality`` the construction of appendix B.4, ``higher-orders`` section 4; ``no-crossing``, ``memory`` and
    ``reversibility`` are properties that the paper takes as known.
    """

    id = "massaroli2020/theorems"
    title = "Propositions 1 and 2, theorem 1 and its corollary: gradients, closed forms and limits of flows"
    variants = tuple(TESTS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": TheoremsSettings(
            samples=2, hidden=3, harmonics=1, tolerances=(1e-3, 1e-5), reference_tolerance=1e-8, tight_tolerance=1e-7,
            nodes=32, batch_sizes=(1, 2), pieces=(1, 2), widths=(0.2,), centres=(0.5,), steps=(1, 2, 4), orders=(2, 3),
            starts=11, draws=1, thetas=(1.0, 3.0), epsilons=(1e-2,),
        ),
        "quick": TheoremsSettings(
            samples=5, hidden=6, tolerances=(1e-3, 1e-4, 1e-5, 1e-6, 1e-8), reference_tolerance=1e-11,
            tight_tolerance=1e-11, batch_sizes=(1, 2, 5), pieces=(1, 2, 4, 8), widths=(0.1, 0.05, 0.025),
            centres=(0.5,), steps=(1, 2, 4, 8, 16, 32, 64), draws=1,
        ),
        "laptop": TheoremsSettings(
            samples=8, hidden=8, batch_sizes=(1, 2, 5), pieces=(1, 2, 4, 8, 16, 32), widths=(0.1, 0.05, 0.025, 0.0125),
            centres=(0.3, 0.6), draws=3,
        ),
        "paper": TheoremsSettings(),
    }  # fmt: skip
    headline = "gradient_error"
    paper_cost = "estimated, not measured: 5 minutes; it is as large on a laptop, and one CPU core does as well"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Test one statement."""
        TESTS[cell.variant](TheoremsSettings.of(cell.settings), meter)
