"""What a model loses when it is trained at a looser solver tolerance (Chen et al. 2018, section 6)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.datasets import ImageClassification
from suite.datasets.gaussian_ring import RING, ring_log_density
from suite.declarations import Meter
from suite.experiments.chen2018.section6_settings import Section6Settings
from suite.experiments.chen2018.shared_steps import SampledProblem, measure_round_trip
from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.models import ConvolutionalField, ImageClassifier, ODEBlock
from suite.models.flows import ContinuousFlow, PlanarField
from suite.models.graphed_step import GraphedStep


def train_classifiers(data: ImageClassification, settings: Section6Settings, meter: Meter) -> None:
    """Train an ODE-Net at each tolerance, from the same weights by the same minibatches.

    Recorded are ``test_error``, ``train_loss`` of the last epoch and ``nfe_forward`` of a test minibatch, all at the
    tolerance of training.
    """
    device, generator = meter.device, meter.generator("batches")
    start = generator.get_state()
    some, others = slice(0, settings.training_images), slice(0, settings.test_images)
    train = (data.train_images[some].to(device), data.train_labels[some].to(device))
    test = (data.test_images[others].to(device), data.test_labels[others].to(device))
    for done, tolerance in enumerate(settings.training_tolerances, start=1):
        generator.set_state(start)
        batches = TrainingBatches(*train, batch_size=settings.batch_size, padding=0, generator=generator)
        with meter.initialisation():
            field = ConvolutionalField(settings.channels)
            body = ODEBlock(field, method=settings.method, rtol=tolerance, atol=tolerance, gradient="adjoint")
            model = ImageClassifier(body, channels=settings.channels, stem_kind=settings.stem).to(device)
        optimiser = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=list(settings.decay_epochs), gamma=0.1)
        loss = math.nan
        for _ in meter.resumable_steps(
            settings.epochs, f"tolerance {tolerance}", model=model, optimiser=optimiser, schedule=schedule
        ):
            loss = train_epoch(model, optimiser, batches)
            schedule.step()
        error = error_percent(model, *test, batch_size=500)
        body.reset_counts()
        with torch.no_grad():
            model(test[0][: settings.batch_size])
        meter.record("nfe_forward", body.nfe_forward, "evaluations", tolerance=tolerance)
        meter.record("train_loss", loss, "nats", tolerance=tolerance)
        meter.record("test_error", error, "%", tolerance=tolerance)
        meter.progress(done, len(settings.training_tolerances), "tolerances", test_error=error)


def train_flows(settings: Section6Settings, meter: Meter) -> None:
    """Train a planar continuous flow at each tolerance on a known density, from the same weights by the same samples.

    ``excess_nll`` is the mean negative log-likelihood of held-out samples above that of the true density: an estimate
    of the Kullback-Leibler divergence. It is computed at the tightest tolerance, where log-densities are those of a
    density, and, as ``excess_nll_as_trained``, at the tolerance of training, where they may be off. The flow trained at
    the last tolerance is then solved forwards and back.
    """
    device, generator = meter.device, meter.generator("samples")
    start = generator.get_state()
    held_out = RING.sample(settings.flow_test_samples, meter.generator("held-out"), torch.float64).to(device)
    floor = -ring_log_density(held_out).mean()
    tightest = min(settings.density_tolerances)
    for done, tolerance in enumerate(settings.density_tolerances, start=1):
        generator.set_state(start)
        with meter.initialisation():
            field = PlanarField(settings.flow_width, hidden=settings.flow_hidden)
            flow = ContinuousFlow(field, method=settings.method, rtol=tolerance, atol=tolerance, gradient="adjoint")
        flow = flow.to(device).double()  # a tolerance of 1e-7 is below what single precision resolves
        optimiser = torch.optim.Adam(flow.parameters(), lr=settings.flow_learning_rate)
        step = GraphedStep(lambda x, flow=flow: (-flow(x).mean(),), optimiser)
        for _ in meter.resumable_steps(
            settings.flow_iterations, f"tolerance {tolerance}", model=flow, optimiser=optimiser
        ):
            (loss,) = step(RING.sample(settings.flow_samples, generator, torch.float64).to(device))
        if not math.isfinite(float(loss)):
            raise FloatingPointError(f"training of the flow at tolerance {tolerance:g} diverged")
        flow.reset_counts()
        meter.record("excess_nll_as_trained", float(_nll(flow, held_out) - floor), "nats", tolerance=tolerance)
        meter.record("nfe_forward", flow.nfe_forward, "evaluations", tolerance=tolerance)
        flow.rtol = flow.atol = tightest
        excess = float(_nll(flow, held_out) - floor)
        meter.record("excess_nll", excess, "nats", tolerance=tolerance)
        meter.progress(done, len(settings.density_tolerances), "tolerances", excess_nll=excess)
    trained = SampledProblem(flow.field, held_out, flow.end_time)
    measure_round_trip(
        trained,
        settings.reversal_samples,
        method=settings.method,
        tolerances=settings.reversal_tolerances,
        meter=meter,
    )


@torch.no_grad()
def _nll(flow: ContinuousFlow, points: Tensor) -> Tensor:
    return -flow.log_prob(points).mean()
