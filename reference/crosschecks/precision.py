"""Whether a verdict on a convolutional network depends on the precision of its products or on its memory format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference.crosschecks.precision_solves import arithmetic, measure_solves
from suite.datasets import ImageClassification
from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting
from suite.experiments.classifier_training import TrainingBatches, error_percent, train_epoch
from suite.experiments.throughput import Throughput
from suite.models import ConvolutionalField, ImageClassifier, ODEBlock

THROUGHPUT = {
    "float32-contiguous": Throughput("float32", torch.contiguous_format),
    "bfloat16-channels-last": Throughput("bfloat16", torch.channels_last),
    "float32-channels-last": Throughput("float32", torch.channels_last),
    "tf32-channels-last": Throughput("tf32", torch.channels_last),
}
"""How a variant is computed; the last is the paper profiles' way."""

AS_TABLE_1 = "as chen2018/table1, whose network it is"


@dataclass(frozen=True)
class PrecisionSettings(Settings):
    """Data, network and training of an ODE-Net, and the tolerances at which it is solved when it is trained."""

    train_images: int = setting(60_000, ours="MNIST's training set; a smaller profile takes its first images")
    test_images: int = setting(10_000, ours="MNIST's test set; a smaller profile takes its first images")
    pooling: int = setting(1, ours="1 is the image itself; a smaller profile averages patches of so many pixels a side")
    channels: int = setting(64, ours=AS_TABLE_1)
    stem: str = setting("res", ours=AS_TABLE_1)
    method: str = setting("dopri5", ours=AS_TABLE_1)
    tolerance: float = setting(1e-3, ours=f"{AS_TABLE_1}: of training and testing, absolute and relative")
    epochs: int = setting(10, ours="enough to tell a precision that does not train; Table 1 has 160")
    batch_size: int = setting(128, ours=AS_TABLE_1)
    learning_rate: float = setting(0.1, ours=AS_TABLE_1)
    momentum: float = setting(0.9, ours=AS_TABLE_1)
    decay_epochs: tuple[int, ...] = setting((6, 9), ours="the learning rate falls tenfold after these epochs")
    test_batch_size: int = setting(500, ours=AS_TABLE_1)
    solved_images: int = setting(100, ours="test images, one state, that the trained network is solved for")
    tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5), ours="of these solves: those at which Table 1's networks are tested"
    )
    reference_tolerance: float = setting(
        1e-7, ours="of dopri5 in double precision, which stands for the ODE itself; the field's kinks make less costly"
    )


class Precision(Experiment):
    """One ODE-Net trained in several precisions and memory formats, from the same weights by the same minibatches.

    ``float32`` is float32 throughout. ``tf32`` rounds the operands of convolutions and matrix products to ten bits of
    mantissa, on a CUDA device by its tensor cores; a CPU has none, and there the same operands are rounded by a few
    more operations, so that its seconds say nothing. ``bfloat16`` is torch's autocast: eight bits for operands and
    results, and a state, an error estimate and weights in float32. Classes and solves of the trained network are
    compared with those of the same weights in float32.
    """

    id = "crosscheck/precision"
    title = "Precision and memory format: whether a verdict depends on how convolutions are computed"
    variants = tuple(THROUGHPUT)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": PrecisionSettings(
            train_images=48, test_images=50, pooling=2, channels=8, epochs=1, batch_size=16, decay_epochs=(1,),
            solved_images=8, tolerances=(1e-1, 1e-3), reference_tolerance=1e-6,
        ),
        "quick": PrecisionSettings(
            train_images=960, test_images=500, pooling=2, channels=8, epochs=2, batch_size=32, decay_epochs=(2,),
            solved_images=20,
        ),
        "laptop": PrecisionSettings(
            train_images=4_000, test_images=2_000, pooling=2, channels=16, epochs=3, batch_size=32, decay_epochs=(2,),
            solved_images=50,
        ),
        "paper": PrecisionSettings(),
    }  # fmt: skip
    datasets = ("mnist",)
    headline = "test_error_last"
    paper_cost = "estimated, not measured: 25 minutes for all variants of a seed, 10 epochs of an ODE-Net each"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one network in one way, and compare what it computes with float32."""
        settings = PrecisionSettings.of(cell.settings)
        throughput = THROUGHPUT[cell.variant]
        data = _prepared(meter.dataset("mnist"), settings, throughput, meter.device)
        model, block = _untrained(settings, meter)
        model = throughput.placed(model, meter.device)
        with arithmetic(throughput, meter.device, model):
            _train(model, block, data, settings, throughput, meter)
        _compare_classes(model, data, settings, throughput, meter)
        with torch.no_grad():
            starts = model.stem(data.test_images[: settings.solved_images])
        measure_solves(
            block,
            starts,
            throughput,
            tolerances=settings.tolerances,
            reference_tolerance=settings.reference_tolerance,
            meter=meter,
        )


def _prepared(
    data: ImageClassification, settings: PrecisionSettings, throughput: Throughput, device: torch.device
) -> ImageClassification:
    def ready(images: Tensor) -> Tensor:
        return throughput.laid_out(functional.avg_pool2d(images, settings.pooling))

    return data.first(settings.train_images, settings.test_images, device).with_images(ready)


def _untrained(settings: PrecisionSettings, meter: Meter) -> tuple[ImageClassifier, ODEBlock]:
    """Return a network with the weights that every variant of the seed begins with, and its ODE."""
    with meter.initialisation():
        # The stream of a seed in place of the initialisation's, which is another for each variant.
        torch.default_generator.set_state(meter.generator("weights").get_state())
        tolerance = settings.tolerance
        block = ODEBlock(ConvolutionalField(settings.channels), method=settings.method, rtol=tolerance, atol=tolerance)
        return ImageClassifier(block, channels=settings.channels, stem_kind=settings.stem), block


def _train(
    model: nn.Module,
    block: ODEBlock,
    data: ImageClassification,
    settings: PrecisionSettings,
    throughput: Throughput,
    meter: Meter,
) -> None:
    batches = TrainingBatches(
        data.train_images,
        data.train_labels,
        batch_size=settings.batch_size,
        padding=0,
        generator=meter.generator("batches"),
        memory_format=throughput.memory_format,
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=list(settings.decay_epochs), gamma=0.1)
    last: dict[str, float] = {}
    for done in meter.resumable_steps(
        settings.epochs, "training", model=model, optimiser=optimiser, schedule=schedule, last=last
    ):
        epoch = done + 1
        block.reset_counts()
        with meter.wall_time() as seconds:
            loss = train_epoch(model, optimiser, batches)
        schedule.step()
        meter.record("train_loss", loss, "nats", epoch=epoch)
        meter.record("epoch_seconds", seconds.value, "s", epoch=epoch)
        last["nfe_forward"] = block.nfe_forward / len(batches)
        last["nfe_backward"] = block.nfe_backward / len(batches)
        for name in ("nfe_forward", "nfe_backward"):
            meter.record(name, last[name], "evaluations", epoch=epoch)
        last["test_error"] = error_percent(model, data.test_images, data.test_labels, settings.test_batch_size)
        meter.record("test_error", last["test_error"], "%", epoch=epoch)
        meter.progress(epoch, settings.epochs, "epochs", train_loss=loss, test_error=last["test_error"])
    meter.record("test_error_last", last["test_error"], "%")
    meter.record("nfe_forward_last", last["nfe_forward"], "evaluations")
    meter.record("nfe_backward_last", last["nfe_backward"], "evaluations")
    meter.record("test_size", len(data.test_labels), "images")


@torch.no_grad()
def _compare_classes(
    model: nn.Module, data: ImageClassification, settings: PrecisionSettings, throughput: Throughput, meter: Meter
) -> None:
    """Record how many test images the trained network puts into another class than in float32, and its error there."""

    def classes() -> Tensor:
        return torch.cat(
            [model(images).argmax(dim=1) for images in torch.split(data.test_images, settings.test_batch_size)]
        )

    model.eval()
    with arithmetic(throughput, meter.device, model):
        own = classes()
    exact = classes()
    meter.record("changed_classes", 100 * float((own != exact).double().mean()), "%")
    meter.record("test_error_float32", 100 * float((exact != data.test_labels).double().mean()), "%")
