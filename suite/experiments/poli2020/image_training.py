"""Training the Neural ODE that hypersolvers are fitted to."""

from __future__ import annotations

import torch
from torch import nn

from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.throughput import throughput_of
from suite.models.augmented_classifier import AugmentedClassifier
from suite.models.image_flow import ImageFlowSize, image_classifier


def new_classifier(settings: ImageSettings) -> AugmentedClassifier:
    """Return an untrained Neural ODE for images."""
    size = ImageFlowSize(
        settings.image_channels, settings.channels, settings.hidden, settings.keep_image, settings.head_grid
    )
    return image_classifier(size, settings.tolerance)


def train_classifier(model: nn.Module, data: ImageClassification, settings: ImageSettings, meter: Meter) -> None:
    """Train a network, and record its loss and test accuracy epoch by epoch.

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
    accuracy = float("nan")
    for done in meter.resumable_steps(settings.epochs, "training", model=model, optimiser=optimiser, schedule=schedule):
        epoch = done + 1
        with meter.wall_time() as seconds:
            loss = train_epoch(model, optimiser, batches)
        schedule.step()
        accuracy = 100 - error_percent(model, data.test_images, data.test_labels, settings.test_batch_size)
        meter.record("train_loss", loss, "nats", epoch=epoch)
        meter.record("epoch_seconds", seconds.value, "s", epoch=epoch)
        meter.record("test_accuracy", accuracy, "%", epoch=epoch)
        meter.progress(epoch, settings.epochs, "epochs", train_loss=loss, test_accuracy=accuracy)
    meter.record("test_accuracy_last", accuracy, "%")
