"""Figure 3 of Chen et al. 2018: error, time and evaluations of a trained ODE-Net, and evaluations in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from suite.datasets import ImageClassification
from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings, setting
from suite.experiments.chen2018.evaluations_in_training import probe, train_and_count
from suite.experiments.chen2018.solve_statistics import (
    Solver,
    measure_backward,
    measure_forward,
    relative_error,
    root_mean_square,
)
from suite.experiments.chen2018.trained_problem import Reference, TrainedProblem, in_double_precision, reference
from suite.experiments.classifier_training import TrainingBatches, error_percent
from suite.models import ConvolutionalField, ImageClassifier, ODEBlock

TRAINING = "training"
TRAINED = ModelSpec("chen2018/table1", "ode-net")
AS_TABLE_1 = "as in Table 1"


@dataclass(frozen=True)
class Fig3Settings(Settings):
    """Images, tolerances and loss scales of Fig. 3a to 3c, and the training of Fig. 3d."""

    tolerances: tuple[float, ...] = setting(
        (1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5), source="Fig. 3a to 3c: six colours; absolute and relative"
    )
    images: int = setting(
        100,
        ours="test images that are solved one by one; what a point is, the paper does not say",
    )
    minibatch: int = setting(128, ours="test images that are solved as one state; the batch size of training")
    loss_scales: tuple[float, ...] = setting(
        (1.0, 10.0, 100.0, 1000.0),
        ours="factors on the loss; they change nothing but how large the adjoint is against the tolerance",
    )
    scaled_images: int = setting(
        20, ours="of the images, those whose reverse solve is repeated with a scaled loss and compared with a reference"
    )
    scaled_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5), ours="tolerances at which the loss is scaled; all others take the loss as it is"
    )
    reference_steps: int = setting(
        1024, ours="equal steps of rk4 in double precision; the record holds how far half as many are from it"
    )
    repeats: int = setting(5, ours="of each timed forward solve; the smallest time counts")
    training_images: int = setting(60_000, ours=f"{AS_TABLE_1}; of Fig. 3d the paper says nothing")
    test_images: int = setting(10_000, ours=f"{AS_TABLE_1}: the test error beside the evaluations")
    crop_padding: int = setting(4, ours=AS_TABLE_1)
    channels: int = setting(64, ours=AS_TABLE_1)
    stem: str = setting("res", ours=AS_TABLE_1)
    method: str = setting("dopri5", ours=f"{AS_TABLE_1}; the paper trained by implicit Adams, which is probed as well")
    training_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-3),
        ours="1e-3 is that of section 6; the level of Fig. 3d fits 1e-1 to 1 in Fig. 3a to 3c, so both are trained",
    )
    probe_methods: tuple[str, ...] = setting(
        ("dopri5", "vode_adams"), ours="methods by which the network is solved for held-out images while it is trained"
    )
    probe_images: int = setting(128, ours="held-out images of the probe, one state")
    epochs: int = setting(160, ours=f"{AS_TABLE_1}; Fig. 3d shows about 120")
    parts: int = setting(1, ours="recordings in an epoch")
    batch_size: int = setting(128, ours=AS_TABLE_1)
    learning_rate: float = setting(0.1, ours=AS_TABLE_1)
    momentum: float = setting(0.9, ours=AS_TABLE_1)
    decay_epochs: tuple[int, ...] = setting((60, 100, 140), ours=AS_TABLE_1)
    test_batch_size: int = setting(500, ours=AS_TABLE_1)


class Fig3(Experiment):
    """Statistics of solves of Table 1's trained ODE-Net, forwards and backwards; evaluations while one is trained.

    The solver variants take the same trained network, images and tolerances, in double precision. ``vode_adams`` is the
    solver of the paper. A ``-seminorm`` leaves the gradients of the parameters out of the error control of the reverse
    solve. ``training`` is panel d.
    """

    id = "chen2018/fig3"
    title = "Figure 3: error, time and evaluations of a trained ODE-Net, and evaluations during training"
    variants = (TRAINING, "tsit5", "dopri5-seminorm", "dopri5", "vode_adams-seminorm", "vode_adams")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig3Settings(
            tolerances=(1e-1, 1e-2),
            images=1,
            minibatch=2,
            loss_scales=(1.0, 1000.0),
            scaled_images=1,
            scaled_tolerances=(1e-2,),
            reference_steps=4,
            repeats=1,
            training_images=16,
            test_images=32,
            channels=8,
            probe_images=4,
            epochs=1,
            parts=4,
            batch_size=4,
            decay_epochs=(1,),
        ),
        "quick": Fig3Settings(
            images=4,
            minibatch=16,
            loss_scales=(1.0, 10.0, 100.0, 1000.0),
            scaled_images=1,
            scaled_tolerances=(1e-1, 1e-2, 1e-3),
            reference_steps=128,
            repeats=3,
            training_images=1_280,
            test_images=200,
            crop_padding=0,
            channels=16,
            probe_images=16,
            epochs=2,
            parts=4,
            batch_size=16,
            decay_epochs=(2,),
        ),
        "laptop": Fig3Settings(
            images=8,
            minibatch=16,
            scaled_images=2,
            scaled_tolerances=(1e-1, 1e-2, 1e-3, 1e-4),
            reference_steps=256,
            repeats=3,
            training_images=3_000,
            test_images=2_000,
            channels=16,
            probe_images=32,
            epochs=4,
            parts=5,
            batch_size=32,
            decay_epochs=(3,),
        ),
        "paper": Fig3Settings(),
    }
    datasets = ("mnist",)
    headline = "nfe_forward"
    alone = ("tsit5", "dopri5", "vode_adams")
    paper_cost = "estimated, not measured: 4 GPU-hours for both trainings of a seed, 1 for all statistics"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Return Table 1's ODE-Net, of which the statistics are; panel d trains its own."""
        return () if cell.variant == TRAINING else (TRAINED,)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure the solves of one solver, or the evaluations during training."""
        settings = Fig3Settings.of(cell.settings)
        data = meter.dataset("mnist")
        if cell.variant == TRAINING:
            _train(data, settings, meter)
        else:
            _measure(Solver.of(cell.variant), data, settings, meter)


def _measure(solver: Solver, data: ImageClassification, settings: Fig3Settings, meter: Meter) -> None:
    """Solve images one by one and one minibatch of them, at every tolerance."""
    classifier = in_double_precision(meter.trained(TRAINED))
    images, labels = data.test_images.to(meter.device), data.test_labels.to(meter.device)
    count = min(settings.images, len(images))
    for index in range(count):
        problem = TrainedProblem.of(classifier, images[index : index + 1], labels[index : index + 1])
        scaled = index < settings.scaled_images
        exact = _reference(problem, settings, meter, with_gradient=scaled, per="image", index=index)
        if index == 0:
            solver.backwards(problem, max(settings.tolerances), 1.0)  # fills every cache before anything is timed
        for tolerance in settings.tolerances:
            forward = measure_forward(
                problem, exact, solver, tolerance, repeats=settings.repeats, meter=meter, per="image", index=index
            )
            sweep = settings.loss_scales if scaled and tolerance in settings.scaled_tolerances else (1.0,)
            for scale in sweep:
                measure_backward(
                    problem, exact, solver, tolerance, scale, forward=forward, meter=meter, per="image", index=index
                )
        meter.progress(index + 1, count, "images")
    chosen = slice(0, settings.minibatch)
    problem = TrainedProblem.of(classifier, images[chosen], labels[chosen])
    exact = _reference(problem, settings, meter, with_gradient=False, per="minibatch", index=0)
    for tolerance in settings.tolerances:
        forward = measure_forward(
            problem, exact, solver, tolerance, repeats=settings.repeats, meter=meter, per="minibatch", index=0
        )
        measure_backward(problem, exact, solver, tolerance, 1.0, forward=forward, meter=meter, per="minibatch", index=0)


def _reference(
    problem: TrainedProblem, settings: Fig3Settings, meter: Meter, *, with_gradient: bool, per: str, index: int
) -> Reference:
    """Return the reference; where it has a gradient, record how far one of half as many steps is from it."""
    exact = reference(problem, settings.reference_steps, with_gradient=with_gradient)
    if exact.gradient is not None:
        coarser = reference(problem, settings.reference_steps // 2, with_gradient=True)
        difference = root_mean_square(coarser.z1 - exact.z1)
        meter.record("reference_error", difference, "1", per=per, index=index)
        if coarser.gradient is not None:
            difference = relative_error(coarser.gradient, exact.gradient)
            meter.record("reference_gradient_error", difference, "1", per=per, index=index)
    return exact


def _train(data: ImageClassification, settings: Fig3Settings, meter: Meter) -> None:
    """Train an ODE-Net at each tolerance, from the same weights and by the same minibatches."""
    device, generator = meter.device, meter.generator("batches")
    start = generator.get_state()
    test = (data.test_images[: settings.test_images].to(device), data.test_labels[: settings.test_images].to(device))
    held_out = (test[0][: settings.probe_images], test[1][: settings.probe_images])
    for tolerance in settings.training_tolerances:
        generator.set_state(start)
        batches = TrainingBatches(
            data.train_images[: settings.training_images].to(device),
            data.train_labels[: settings.training_images].to(device),
            batch_size=settings.batch_size,
            padding=settings.crop_padding,
            generator=generator,
        )
        with meter.initialisation():
            field = ConvolutionalField(settings.channels)
            body = ODEBlock(field, method=settings.method, rtol=tolerance, atol=tolerance, gradient="adjoint")
            model = ImageClassifier(body, channels=settings.channels, stem_kind=settings.stem).to(device)
        optimiser = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones=list(settings.decay_epochs), gamma=0.1)
        probe(model, held_out, settings.probe_methods, 0.0, tolerance, meter)
        for epoch in meter.resumable_steps(
            settings.epochs, f"tolerance {tolerance}", model=model, optimiser=optimiser, schedule=schedule
        ):
            loss = train_and_count(
                model, optimiser, batches, held_out, epoch=epoch, parts=settings.parts,
                probes=settings.probe_methods, tolerance=tolerance, meter=meter,
            )  # fmt: skip
            schedule.step()
            error = error_percent(model, *test, settings.test_batch_size)
            meter.record("train_loss", loss, "nats", epoch=epoch + 1, tolerance=tolerance)
            meter.record("test_error", error, "%", epoch=epoch + 1, tolerance=tolerance)
            meter.progress(epoch + 1, settings.epochs, "epochs", train_loss=loss, test_error=error)
