"""How many evaluations an ODE-Net needs while it is trained (Chen et al. 2018, Fig. 3d)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from suite.declarations import Meter
from suite.experiments.chen2018.solve_statistics import Solver
from suite.experiments.chen2018.trained_problem import TrainedProblem, in_double_precision
from suite.experiments.classifier_training import TrainingBatches
from suite.models import ImageClassifier, ODEBlock


def train_and_count(
    model: ImageClassifier,
    optimiser: Optimizer,
    batches: TrainingBatches,
    held_out: tuple[Tensor, Tensor],
    *,
    epoch: int,
    parts: int,
    probes: Sequence[str],
    tolerance: float,
    meter: Meter,
) -> float:
    """Train for one epoch and record evaluations after each part of it.

    ``nfe_forward`` and ``nfe_backward`` are means over the minibatches of the part; ``nfe_probe`` is one forward solve
    of held-out images by each probed method.

    Args:
        model: An ODE-Net.
        optimiser: Its optimiser.
        batches: Training minibatches; they go on in the order that their generator draws.
        held_out: Images and labels of the probe.
        epoch: Epochs trained before this one.
        parts: Into how many parts the epoch is divided; a part is one minibatch at least.
        probes: Methods of the probe.
        tolerance: Tolerance of training and probe, an axis of every row.
        meter: Where to record.

    Returns:
        Mean cross-entropy of the epoch in nats.

    Raises:
        FloatingPointError: When that mean is not finite.
    """
    block = ode_block(model)
    model.train()
    block.reset_counts()
    total = torch.zeros((), device=batches.labels.device)
    ends = {math.ceil(len(batches) * part / parts) for part in range(1, parts + 1)}
    since = 0
    for step, (images, labels) in enumerate(batches, start=1):
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        total += loss.detach()
        since += 1
        if step in ends:
            axes = {"epoch": epoch + step / len(batches), "tolerance": tolerance}
            meter.record("nfe_forward", block.nfe_forward / since, "evaluations", **axes)
            meter.record("nfe_backward", block.nfe_backward / since, "evaluations", **axes)
            probe(model, held_out, probes, axes["epoch"], tolerance, meter)
            model.train()
            block.reset_counts()
            since = 0
    mean = float(total) / len(batches)
    if not math.isfinite(mean):
        raise FloatingPointError(f"training diverged: the mean loss of the epoch is {mean}")
    return mean


@torch.no_grad()
def probe(
    model: ImageClassifier,
    held_out: tuple[Tensor, Tensor],
    methods: Sequence[str],
    epoch: float,
    tolerance: float,
    meter: Meter,
) -> None:
    """Record ``nfe_probe``, the evaluations of one forward solve of held-out images, for each of several methods."""
    problem = TrainedProblem.of(in_double_precision(model), *held_out)
    for method in methods:
        evaluations = Solver(method, seminorm=False).forwards(problem, tolerance).statistics.nfe
        meter.record("nfe_probe", evaluations, "evaluations", epoch=epoch, tolerance=tolerance, method=method)


def ode_block(model: ImageClassifier) -> ODEBlock:
    """Return the ODE block of an ODE-Net."""
    if not isinstance(model.body, ODEBlock):
        raise TypeError(f"the body of an ODE-Net is an ODEBlock, not {type(model.body).__name__}")
    return model.body
