"""Section 6 of Chen et al. 2018: minibatches, tolerances of training, and reversed trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from suite.datasets import ImageClassification
from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.chen2018.section6_settings import LAPTOP, QUICK, SMOKE, Section6Settings
from suite.experiments.chen2018.shared_steps import SampledProblem, measure_minibatches, measure_round_trip
from suite.experiments.chen2018.trained_problem import TrainedProblem, in_double_precision
from suite.experiments.chen2018.training_tolerance import train_classifiers, train_flows
from suite.models.dynamics import LinearDecay, TanhField, VanDerPol

TRAINED = ModelSpec("chen2018/table1", "ode-net")
MIXED, CONTRACTING, MILD, ODE_NET = "mixed-stiffness", "contracting", "mild", "ode-net"
LEAST_DAMPING = 0.1


class Section6(Experiment):
    """What the paper tried informally, with the cases in which it should fail.

    Each of four fields is solved in minibatches and one sample at a time, and all but ``mixed-stiffness`` forwards and
    back. ``mild`` is a field of tanh units as in the paper's flows, ``ode-net`` is Table 1's, ``contracting`` forgets
    its start by design, and ``mixed-stiffness`` are Van der Pol oscillators whose fast phases are of different lengths
    and come at different times. ``classifier-tolerance`` and ``density-tolerance`` train at several tolerances; the
    trained flow is solved forwards and back too.
    """

    id = "chen2018/section6"
    title = "Section 6: minibatches, tolerances of training, and reversed trajectories"
    variants = ("density-tolerance", "classifier-tolerance", CONTRACTING, MIXED, MILD, ODE_NET)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": SMOKE,
        "quick": QUICK,
        "laptop": LAPTOP,
        "paper": Section6Settings(),
    }
    datasets = ("mnist",)
    headline = "nfe_forward"
    paper_cost = "estimated, not measured: 1 to 2 GPU-hours for the trainings of a seed, minutes for the rest"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Return Table 1's ODE-Net for the variant that solves it."""
        return (TRAINED,) if cell.variant == ODE_NET else ()

    def run(self, cell: Cell, meter: Meter) -> None:
        """Solve one field in batches, alone and back; or train at several tolerances."""
        settings = Section6Settings.of(cell.settings)
        if cell.variant == "classifier-tolerance":
            train_classifiers(meter.dataset("mnist"), settings, meter)
        elif cell.variant == "density-tolerance":
            train_flows(settings, meter)
        else:
            problem = _problem(cell.variant, settings, meter)
            for done, tolerance in enumerate(settings.batch_tolerances, start=1):
                measure_minibatches(
                    problem, settings.batches, method=settings.method, tolerance=tolerance,
                    reference_tolerance=settings.reference_tolerance, watched=settings.watched, meter=meter,
                )  # fmt: skip
                meter.progress(done, len(settings.batch_tolerances), "tolerances")
            if cell.variant != MIXED:
                measure_round_trip(
                    problem, settings.reversal_samples, method=settings.method,
                    tolerances=settings.reversal_tolerances, meter=meter,
                )  # fmt: skip


def _problem(variant: str, settings: Section6Settings, meter: Meter) -> SampledProblem:
    """Return a field with as many samples as the largest batch has; of images, as many as there are."""
    count, device, generator = max(settings.batches), meter.device, meter.generator("samples")
    if variant == ODE_NET:
        data: ImageClassification = meter.dataset("mnist")
        images, labels = data.test_images[:count].to(device), data.test_labels[:count].to(device)
        trained = TrainedProblem.of(in_double_precision(meter.trained(TRAINED)), images, labels)
        return SampledProblem(trained.field, trained.z0, 1.0)
    if variant == MILD:
        field = TanhField(settings.width, 2, meter.generator("field")).to(device)
        return SampledProblem(field, _normal(count, 2, generator).to(device), settings.mild_end)
    if variant == CONTRACTING:
        start = _normal(count, len(settings.rates), generator)
        return SampledProblem(LinearDecay(settings.rates).to(device), start.to(device), 1.0)
    spread = math.log(settings.largest_damping / LEAST_DAMPING)
    damping = LEAST_DAMPING * (spread * torch.rand(count, 1, generator=generator, dtype=torch.float64)).exp()
    start = torch.cat([2 * _normal(count, 2, generator), damping], dim=1)
    return SampledProblem(VanDerPol(), start.to(device), settings.damped_end)


def _normal(count: int, dimensions: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, dimensions, generator=generator, dtype=torch.float64)
