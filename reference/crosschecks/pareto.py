"""Pareto fronts of error against evaluations, operations and time: hypersolvers beside everything that is fair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reference.crosschecks.pareto_case import ParetoCase
from reference.crosschecks.pareto_contenders import untrained
from reference.crosschecks.pareto_flows import flow_case
from reference.crosschecks.pareto_images import image_case
from reference.crosschecks.pareto_measures import (
    Point,
    measured,
    record_amortisation,
    record_points,
    record_rivals,
    record_share,
    timed,
)
from reference.crosschecks.pareto_settings import ParetoSettings
from reference.crosschecks.pareto_trained import distilled, fitted_steps, hypersolvers
from reference.libraries.installed import those_installed
from reference.libraries.torchdiffeq import Torchdiffeq
from reference.libraries.torchdyn import Torchdyn
from suite.data_by_variant import DataByVariant
from suite.declarations import (
    Cell,
    Experiment,
    Library,
    Meter,
    ModelSpec,
    Profile,
    Settings,
    Varying,
)
from suite.experiments.poli2020.cifar10 import Cifar10
from suite.experiments.poli2020.image_run import NODE
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.mnist import Mnist

FLOWS = {target: f"cnf-{target}" for target in ("checkerboard", "gaussians", "pinwheel", "rings")}
"""The variant of ``poli2020/fig1`` that trains the flow of each target."""

IMAGES: Mapping[str, type[Mnist | Cifar10]] = {"cifar10": Cifar10, "mnist": Mnist}
"""The experiment that trains the classifier of each data set."""

PEERS: tuple[Library, ...] = (Torchdiffeq(), Torchdyn())


class Pareto(Experiment, DataByVariant):
    """Error against evaluations, multiply-accumulates and seconds on one trained field, everything in one cell.

    A variant is a data set, so that all times of a front are measured in turn and every point knows what dominates it.
    ``error`` is the mean distance of ends from the exact ones over the mean size of an end. ``nfe`` counts every call
    of the field; ``macs`` and ``seconds`` are those of a sample in the batch that is measured. ``effort`` is the number
    of steps, the tolerance, or the size of a direct network in evaluations of the field.

    ``error_over_rival`` is a hypersolver's error over the smallest that rivals have at no more than its cost: the
    hypersolver is on their front where it is below 1. ``samples_to_pay`` is what amortises training, trajectories
    included (their share is ``trajectory_macs`` and ``trajectory_seconds``), against the cheapest rival that is as
    accurate; it is missing where training never pays, and ``paid_by_a_million`` is then negative: the share of the
    training that a million samples pay.

    A library that is not installed has one row, ``installed`` = 0, and no points.
    """

    id = "crosscheck/pareto"
    title = "Pareto fronts of hypersolvers, classical methods of three libraries, and what else can be fitted"
    variants = (*IMAGES, *FLOWS)
    datasets = tuple(IMAGES)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": ParetoSettings(
            steps=(1, 2), most_evaluations=4, tolerances=(1e-1, 1e-3), rounds=1, fitted_heun_steps=(1,),
            fitted_rk4_steps=(1,), scalar_iterations=2, distilled_steps=(1,), fitted_steps=(1, 2), hyper_steps=(1, 2),
            samples=32, reference_tolerance=1e-6, pool=64, teacher_tolerance=1e-4, hidden=(4, 4), iterations=3,
            batch=32, image_steps=(1, 2), image_tolerances=(1e-1,), image_fitted_steps=(2,), image_hyper_steps=(1, 2),
            image_samples=8, image_pool=8, image_iterations=2, image_batch=8,
        ),
        "quick": ParetoSettings(
            steps=(1, 2, 3, 4, 8), tolerances=(1e-1, 1e-2, 1e-3, 1e-5), rounds=2, fitted_heun_steps=(1, 2),
            fitted_rk4_steps=(1,), scalar_iterations=60, fitted_steps=(1, 2, 4), hyper_steps=(1, 2, 4), samples=256,
            reference_tolerance=1e-8, pool=1_000, teacher_tolerance=1e-6, hidden=(14, 14), iterations=200,
            image_steps=(1, 2, 3, 4, 6, 8, 11, 12, 16), image_tolerances=(1e-1, 1e-2, 1e-3),
            image_hyper_steps=(2, 4, 7, 9, 11), image_samples=16, image_pool=64, image_iterations=80, image_batch=32,
        ),
        "laptop": ParetoSettings(
            rounds=3, scalar_iterations=200, samples=512, pool=4_000, hidden=(32, 32), iterations=1_000,
            image_tolerances=(1e-1, 1e-2, 1e-3, 1e-4), image_samples=128, image_pool=1_000,
            image_iterations=1_000, image_batch=64,
        ),
        "paper": ParetoSettings(),
    }  # fmt: skip
    headline = "front_share"
    varying = Varying(levels=(("cost", "seconds"),))
    alone = variants
    paper_cost = (
        "estimated, not measured: 1 GPU-hour for all variants of one seed, without the training of their fields"
    )

    def reads(self, variant: str) -> tuple[str, ...]:
        """The flows read no data, and each image field its own."""
        return (variant,) if variant in IMAGES else ()

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """A variant takes the field that another experiment trained on its data set."""
        return (_spec(cell.variant),)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure everything on one field."""
        settings = ParetoSettings.of(cell.settings)
        libraries = list(those_installed(PEERS, settings.peers, meter))
        case = _case(cell, settings, meter)
        meter.record("evaluation_macs", case.evaluation_macs, "MAC")
        meter.record("trajectory_macs", case.pool_work.macs, "MAC")
        meter.record("trajectory_seconds", case.pool_work.seconds, "s")
        points = _points(case, libraries, settings, meter)
        record_points(points, meter)
        record_rivals(points, meter)
        record_amortisation(points, meter)
        record_share(points, meter)


def _spec(variant: str) -> ModelSpec:
    if variant in IMAGES:
        return ModelSpec(IMAGES[variant].id, NODE)
    return ModelSpec("poli2020/fig1", FLOWS[variant])


def _case(cell: Cell, settings: ParetoSettings, meter: Meter) -> ParetoCase:
    model = meter.trained(_spec(cell.variant))
    if cell.variant not in IMAGES:
        return flow_case(model, cell.variant, settings, meter)
    published = ImageSettings.of(IMAGES[cell.variant].profiles[cell.profile])
    return image_case(model, cell.variant, meter.dataset(cell.variant), settings, published, meter)


def _points(case: ParetoCase, libraries: Sequence[Library], settings: ParetoSettings, meter: Meter) -> list[Point]:
    hyper = measured(case, list(hypersolvers(case, meter)), meter)
    budgets = _budgets(hyper, settings)
    others = [
        *untrained(case, libraries, settings),
        *fitted_steps(case, settings, meter),
        *distilled(case, budgets, meter),
    ]
    return timed(case, [*measured(case, others, meter), *hyper], settings.rounds)


def _budgets(points: Sequence[Point], settings: ParetoSettings) -> list[float]:
    """Return the operations of HyperEuler at its fewest steps, and of HyperHeun at some."""
    found = {(point.contender.method, point.contender.effort): point.costs["macs"] for point in points}
    fewest = min(effort for method, effort in found if method == "hyper-euler")
    wanted = [("hyper-euler", fewest), *(("hyper-heun", steps) for steps in settings.distilled_steps)]
    return [found[each] for each in wanted if each in found]
