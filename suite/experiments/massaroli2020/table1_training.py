"""Training a network of Table 1 as the released notebooks do: AdamW, falling learning rate, last epoch counts."""

from __future__ import annotations

import torch
from torch import nn

from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.experiments.massaroli2020.table1_networks import ode_block
from suite.experiments.massaroli2020.table1_settings import Table1Settings
from suite.experiments.throughput import throughput_of


def train(model: nn.Module, data: ImageClassification, settings: Table1Settings, meter: Meter) -> None:
    """Train a network and record test accuracy, loss, time and evaluations epoch by epoch.

    Evaluations are means over the training minibatches of an epoch, of the forward solve and of the backward pass
    apart. A last minibatch that is smaller than the others is left out.

    Raises:
        FloatingPointError: When the loss is not finite.
    """
    batches = TrainingBatches(
        data.train_images,
        data.train_labels,
        batch_size=settings.batch_size,
        padding=0,
        generator=meter.generator("batches"),
        memory_format=throughput_of(settings).memory_format,
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, settings.decay_every, gamma=settings.decay_factor)
    block = ode_block(model)
    accuracy, forward = float("nan"), float("nan")
    for done in meter.resumable_steps(settings.epochs, "training", model=model, optimiser=optimiser, schedule=schedule):
        epoch = done + 1
        if block is not None:
            block.reset_counts()
        with meter.wall_time() as seconds, meter.peak_memory() as peak:
            loss = train_epoch(model, optimiser, batches)
        schedule.step()
        meter.record("train_loss", loss, "nats", epoch=epoch)
        meter.record("epoch_seconds", seconds.value, "s", epoch=epoch)
        if meter.device.type == "cuda":
            meter.record("peak_memory", peak.value, "B", epoch=epoch)
        if block is not None:
            forward = block.nfe_forward / len(batches)
            meter.record("nfe_forward", forward, "evaluations", epoch=epoch)
            meter.record("nfe_backward", block.nfe_backward / len(batches), "evaluations", epoch=epoch)
        accuracy = 100 - error_percent(model, data.test_images, data.test_labels, settings.test_batch_size)
        meter.record("test_accuracy", accuracy, "%", epoch=epoch)
        meter.progress(epoch, settings.epochs, "epochs", train_loss=loss, test_accuracy=accuracy)
    meter.record("test_accuracy_last", accuracy, "%")
    if block is not None:
        meter.record("nfe_forward_last", forward, "evaluations")
