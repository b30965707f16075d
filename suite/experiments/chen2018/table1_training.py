"""Training a network of Table 1."""

from __future__ import annotations

import math
from contextlib import ExitStack

import torch
from torch import nn

from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.chen2018.table1_networks import ode_block
from suite.experiments.chen2018.table1_settings import Table1Settings
from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.experiments.graphed_training import forward_and_backward_as_graphs
from suite.experiments.throughput import throughput_of
from suite.experiments.unconverged import unconverged_solves

FIRST_GRAPHED_EPOCH = 2
"""Of a network without an ODE; the epoch before it is eager, and shows what memory the passes take."""


def train(model: nn.Module, data: ImageClassification, settings: Table1Settings, meter: Meter) -> None:
    """Train a network and record its test error, loss, time, memory and evaluations epoch by epoch.

    On a GPU a network without an ODE trains through CUDA graphs from the second epoch on; the first one gives its peak
    memory. The seconds of an epoch are those of graphs then, and are not to be compared with an ODE network's.
    """
    batches = TrainingBatches(
        data.train_images,
        data.train_labels,
        batch_size=settings.batch_size,
        padding=settings.crop_padding,
        generator=meter.generator("batches"),
        memory_format=throughput_of(settings).memory_format,
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=list(settings.decay_epochs), gamma=0.1)
    block = ode_block(model)
    errors: dict[int, float] = {}
    peaks: dict[int, float] = {}
    graphed = False
    with ExitStack() as passes:
        for done in meter.resumable_steps(
            settings.epochs, "training", model=model, optimiser=optimiser, schedule=schedule, errors=errors, peaks=peaks
        ):
            epoch = done + 1
            if block is not None:
                block.reset_counts()
            elif epoch >= FIRST_GRAPHED_EPOCH and not graphed:
                graphed = True
                model.train()
                passes.enter_context(forward_and_backward_as_graphs(model, data.train_images[: settings.batch_size]))
            with unconverged_solves() as unconverged, meter.wall_time() as seconds, meter.peak_memory() as peak:
                loss = train_epoch(model, optimiser, batches)
            schedule.step()
            meter.record("train_loss", loss, "nats", epoch=epoch)
            meter.record("epoch_seconds", seconds.value, "s", epoch=epoch)
            if block is not None:
                meter.record("nfe_forward", block.nfe_forward / len(batches), "evaluations", epoch=epoch)
                meter.record("nfe_backward", block.nfe_backward / len(batches), "evaluations", epoch=epoch)
                meter.record("unconverged", unconverged.solves / len(batches), "solves per minibatch", epoch=epoch)
            with unconverged_solves():  # counted in training alone
                errors[epoch] = error_percent(model, data.test_images, data.test_labels, settings.test_batch_size)
            peaks[epoch] = peak.value
            meter.record("test_error", errors[epoch], "%", epoch=epoch)
            meter.progress(epoch, settings.epochs, "epochs", train_loss=loss, test_error=errors[epoch])
    last, best, highest = errors[settings.epochs], min(errors.values()), max(peaks.values())
    meter.record("test_error_last", last, "%")
    meter.record("test_error_best", best, "%")
    meter.record("last_minus_best", last - best, "points")
    if not math.isnan(highest):
        meter.record("peak_memory", highest, "B")
