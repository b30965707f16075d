"""The continuous normalizing flows that are sampled: training by maximum likelihood, and the problem of sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.datasets.planar_targets import TARGETS
from suite.declarations import Meter
from suite.experiments.poli2020.fig1_settings import Fig1Settings
from suite.experiments.rounding import significant
from suite.models.flows import ContinuousFlow, FlowField, gaussian_log_density, gaussian_samples
from suite.models.graphed_step import GraphedStep
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories
from suite.models.steady_flows import SteadyPerceptron

_REPORTED_EVERY = 20


def new_flow(settings: Fig1Settings) -> ContinuousFlow:
    """Return an untrained flow; its base density stands at time 0 and the data's at 1."""
    tolerance = settings.flow_tolerance
    # Gradients through the solver's steps rather than by the adjoint: the same, and the sooner with so small a field.
    field = SteadyPerceptron(2, settings.width)
    with torch.no_grad():
        for layer in field.linear_layers:
            layer.weight.mul_(settings.flow_gain)
    return ContinuousFlow(field, rtol=tolerance, atol=tolerance, gradient="direct")


def train_flow(flow: ContinuousFlow, target: str, settings: Fig1Settings, meter: Meter) -> None:
    """Maximise the likelihood of fresh samples in every iteration.

    Raises:
        FloatingPointError: When the loss is no longer finite.
    """
    optimiser = torch.optim.AdamW(
        flow.parameters(), lr=settings.flow_learning_rate, weight_decay=settings.flow_weight_decay
    )
    generator = meter.generator(f"samples of {target}")
    step = GraphedStep(lambda x: (-flow.log_prob(x).mean(),), optimiser, gradient_norm=settings.gradient_norm)
    for iteration in meter.resumable_steps(settings.flow_iterations, target, model=flow, optimiser=optimiser):
        x = TARGETS[target](settings.flow_batch, generator).to(meter.device, torch.float32)
        (loss,) = step(x)
        if iteration % _REPORTED_EVERY == 0 or iteration == settings.flow_iterations - 1:
            nll = loss.item()
            if not math.isfinite(nll):
                raise FloatingPointError(f"training diverged: the loss is {nll} at iteration {iteration}")
            meter.record("train_nll", significant(nll, 4), "nats", target=target, iteration=iteration)
            meter.progress(iteration, settings.flow_iterations, "iterations", nll=nll)


class SamplingField(nn.Module):
    """The derivative ``[n, 3]`` of a point and its log-density, ``[x, y, log p]``, as the released code integrates."""

    def __init__(self, field: FlowField) -> None:
        super().__init__()
        self.field = field

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        """Evaluate the field."""
        velocity, divergence = self.field.velocity_and_divergence(t, state[:, :2])
        return torch.cat([velocity, -divergence.unsqueeze(1)], dim=1)


@dataclass(frozen=True)
class SamplingProblem:
    """Points of the base density, and where a trained flow carries them.

    Attributes:
        target: What the flow was fitted to.
        field: Derivative of states ``[n, 3]``.
        starts: Base states ``[n, 3]``, in double precision.
        ends: Their ends, solved far more accurately than by any method that is measured.
    """

    target: str
    field: SamplingField
    starts: Tensor
    ends: Tensor

    def base_states(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw other base states."""
        return base_states(count, generator).to(self.starts.device)

    def taught(self, states: Tensor, tolerance: float) -> NominalTrajectories:
        """Return start and end of base states, as a hypersolver is taught them."""
        return nominal_trajectories(self.field, states, (0.0, 1.0), tolerance=tolerance)


def base_states(count: int, generator: torch.Generator) -> Tensor:
    """Draw points of the base density with their log-density, shape ``[count, 3]``."""
    z = gaussian_samples(count, generator=generator, dtype=torch.float64)
    return torch.cat([z, gaussian_log_density(z).unsqueeze(1)], dim=1)


def sampling_problem(flow: nn.Module, target: str, settings: Fig1Settings, meter: Meter) -> SamplingProblem:
    """Return the problem of sampling a trained flow, the same for every method.

    Raises:
        TypeError: When the model is no flow.
    """
    if not isinstance(flow, ContinuousFlow):
        raise TypeError(f"a trained flow is a ContinuousFlow, not {type(flow).__name__}")
    field = SamplingField(flow.field).double().to(meter.device).requires_grad_(requires_grad=False)
    starts = base_states(settings.samples, meter.generator("base samples")).to(meter.device)
    exact = nominal_trajectories(field, starts, (0.0, 1.0), method="dopri8", tolerance=settings.reference_tolerance)
    return SamplingProblem(target, field, starts, exact.states[-1])
