"""Theorem 1 of Poli et al. 2020: the local error of a hypersolver, and what follows from it and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from suite.declarations import Cell, Experiment, Meter, Profile, Settings, Varying
from suite.experiments.poli2020.theorem1_cost import record_costs, record_evaluations
from suite.experiments.poli2020.theorem1_learned import LESSONS, record_learned
from suite.experiments.poli2020.theorem1_oracle import record_base, record_frozen, record_oracle
from suite.experiments.poli2020.theorem1_problems import measured_problems
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings


class Theorem1(Experiment):
    """If ``||R - g|| <= O(delta)``, the local error of a hypersolver of order p is ``O(delta eps^(p+1))``.

    ``base`` has no correction. ``oracle`` is the residual itself plus an error of known size, ``frozen`` the residual
    of one step used at every step. The others are fitted: ``learned`` to residuals of one step as in the paper,
    ``several`` to those of four steps, ``-without-step`` without the step as an input, ``trajectory`` to the
    hypersolver's own roll-out, ``both`` to the sum of the losses. ``cost`` counts evaluations and operations.
    """

    id = "poli2020/theorem1"
    title = "Theorem 1: local error of hypersolvers of orders 1, 2 and 4, with known and with fitted corrections"
    variants = ("base", "cost", "frozen", "oracle", *LESSONS)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Theorem1Settings(
            problems=("van-der-pol",), starts=8, oracle_substeps=16, oracle_steps=(10, 20), deltas=(1e-1, 1e-2),
            transfers=(0.5, 1.0, 2.0), fine=(4.0, 8.0), train_starts=16, hidden=(8, 8), iterations=10,
            trajectory_iterations=3, batch=32, horizon=2.0, widths=(4, 16), field_width=16, cost_batch=16, repeats=2,
            adaptive_tolerances=(1e-2, 1e-4),
        ),
        "quick": Theorem1Settings(
            oracle_steps=(10, 20, 40), train_starts=128, hidden=(32, 32),
            iterations=300, trajectory_iterations=30, batch=128, horizon=5.0, widths=(4, 16, 64), repeats=3,
        ),
        "laptop": Theorem1Settings(hidden=(32, 32), iterations=1_500, trajectory_iterations=400),
        "paper": Theorem1Settings(),
    }  # fmt: skip
    headline = "held_out_local_error"
    varying = Varying(metrics=("overhead_seconds",))
    paper_cost = "estimated, not measured: 30 minutes for all variants of one seed, all of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one correction on every problem."""
        settings = Theorem1Settings.of(cell.settings)
        if cell.variant == "cost":
            record_costs(settings, meter)
        for number, problem in enumerate(measured_problems(settings, meter)):
            meter.progress(number, len(settings.problems), "problems")
            if cell.variant == "base":
                record_base(problem, settings, meter)
            elif cell.variant == "cost":
                record_evaluations(problem, settings, meter)
            elif cell.variant == "frozen":
                record_frozen(problem, settings, meter)
            elif cell.variant == "oracle":
                record_oracle(problem, settings, meter)
            else:
                record_learned(problem, cell.variant, settings, meter)
