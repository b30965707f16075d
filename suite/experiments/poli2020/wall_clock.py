"""Wall-clock time of Poli et al. 2020, section 4.1: the time of a prediction at a small loss of accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from suite.declarations import Axis, Cell, Experiment, Meter, ModelSpec, Profile, Settings, Varying
from suite.experiments.poli2020.image_data import prepared
from suite.experiments.poli2020.image_errors import classes_of
from suite.experiments.poli2020.image_methods import HYPER, Stepping
from suite.experiments.poli2020.image_problem import parts_of
from suite.experiments.poli2020.image_run import NODE
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.image_sizes import operations_of
from suite.experiments.poli2020.mnist import Mnist
from suite.experiments.poli2020.wall_clock_contenders import (
    OWN,
    Contender,
    contenders,
    least_effort,
    own_solver,
)
from suite.experiments.poli2020.wall_clock_graphs import captured
from suite.experiments.poli2020.wall_clock_settings import WallClockSettings
from suite.models.augmented_classifier import AugmentedClassifier
from suite.solvers.graphs.choice import GraphChoice
from suite.solvers.hyper import Hypersolver, NetworkCorrection

Chosen = Mapping[float, Mapping[str, Contender]]
"""By allowed loss and method, the contender with the least effort."""

_WARM_UP = 3
"""Calls of each function before the first timed one."""


class WallClock(Experiment):
    """Each method with the fewest steps within an accuracy loss, timed in turn with the others in one run.

    The one cell of a seed times all methods, as only calls made in turn compare on a machine that others use too. A
    time is that of a whole prediction, from images to scores. As a CUDA graph, that is one launch for a method on equal
    steps, and one a step for an adaptive one.
    """

    id = "poli2020/wall-clock"
    title = "Section 4.1: wall-clock time of a prediction at a small loss of accuracy"
    variants = (HYPER,)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": WallClockSettings(
            test_images=32, losses=(0.4,), batches=(1, 16), evaluations=(2, 4), tolerances=(1e-2,), rounds=1,
            seconds=0.0,
        ),
        "quick": WallClockSettings(
            test_images=500, batches=(1, 128), evaluations=(1, 2, 4, 8, 16), tolerances=(1e-1, 1e-2, 1e-3), rounds=20,
            seconds=0.0,
        ),
        "laptop": WallClockSettings(test_images=2_000, rounds=7, seconds=1.0),
        "paper": WallClockSettings(),
    }  # fmt: skip
    datasets = ("mnist",)
    headline = "speed_up"
    varying = Varying(metrics=("speed_up", "time_ratio"))
    alone = variants
    paper_cost = "estimated, not measured: 10 GPU-minutes for one seed, beside the models of poli2020/mnist"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """The classifier and the correction of MNIST."""
        del cell
        return [ModelSpec(Mnist.id, NODE), ModelSpec(Mnist.id, HYPER)]

    @torch.no_grad()
    def run(self, cell: Cell, meter: Meter) -> None:
        """Choose the least effort of every method, and time all of them."""
        settings = WallClockSettings.of(cell.settings)
        images = replace(ImageSettings.of(Mnist.profiles[cell.profile]), test_images=settings.test_images)
        data = prepared(meter.dataset("mnist"), images, meter)
        classifier, field = parts_of(meter.trained(ModelSpec(Mnist.id, NODE)))
        correction = meter.trained(ModelSpec(Mnist.id, HYPER))
        if not isinstance(correction, NetworkCorrection):
            raise TypeError("the correction of MNIST is a network")
        correction.requires_grad_(requires_grad=False)
        starts = torch.cat([classifier.augmentation(part) for part in data.test_images.split(images.test_batch_size)])
        overhead = operations_of(field, correction, starts[:1], meter).overhead
        hyper = Stepping(HYPER, Hypersolver("euler", correction), overhead)
        own = own_solver(field, starts[: images.test_batch_size], images.tolerance)

        def accuracy(contender: Contender) -> float:
            parts = [classes_of(classifier.head, contender.ends(part)) for part in starts.split(images.test_batch_size)]
            return 100 * float((torch.cat(parts) == data.test_labels).double().mean())

        best = accuracy(own)
        meter.record("own_accuracy", best, "%")
        meter.record("own_nfe", own.evaluations, "evaluations")
        found = contenders(hyper, field, starts[: images.test_batch_size], settings)
        losses = {name: [best - accuracy(effort) for effort in efforts] for name, efforts in found.items()}
        chosen: dict[float, dict[str, Contender]] = {}
        for allowed in settings.losses:
            least = {name: least_effort(efforts, losses[name], allowed) for name, efforts in found.items()}
            chosen[allowed] = {name: contender for name, contender in least.items() if contender is not None}
            for name, contender in chosen[allowed].items():
                meter.record("least_nfe", contender.evaluations, "evaluations", method=name, loss=allowed)
                share = contender.evaluations / own.evaluations
                meter.record("share_of_own_nfe", share, "1", method=name, loss=allowed)
        for number, batch in enumerate(settings.batches):
            meter.progress(number, len(settings.batches), "batch sizes")
            index = torch.arange(batch, device=meter.device) % len(data.test_images)
            _time(chosen, own, classifier, data.test_images[index], settings, meter)


def _time(
    chosen: Chosen, own: Contender, classifier: AugmentedClassifier, images: Tensor, settings: WallClockSettings,
    meter: Meter,
) -> None:  # fmt: skip
    """Time one batch size, every different contender once."""
    different = list({id(each): each for of_loss in chosen.values() for each in of_loss.values()}.values())
    everyone = [own, *different]
    runs: dict[str, dict[int, Callable[[], Tensor]]] = {
        "eager": {id(each): partial(_prediction(each, classifier), images) for each in everyone}
    }
    if meter.device.type == "cuda":
        runs["graph"] = {id(each): _graph(each, classifier, images) for each in everyone}
    for mode, functions in runs.items():
        seconds = fastest(functions, settings, meter)
        shared: dict[str, Axis] = {"batch": len(images), "mode": mode}
        meter.record("milliseconds", 1e3 * seconds[id(own)], "ms", method=OWN, **shared)
        for loss, of_loss in chosen.items():
            timed = {name: seconds[id(each)] for name, each in of_loss.items() if id(each) in seconds}
            for name, value in timed.items():
                axes: dict[str, Axis] = {"method": name, "loss": loss, **shared}
                meter.record("milliseconds", 1e3 * value, "ms", **axes)
                meter.record("speed_up", seconds[id(own)] / value, "1", **axes)
                if HYPER in timed and name != HYPER:
                    meter.record("time_ratio", timed[HYPER] / value, "1", rival=name, loss=loss, **shared)


def _prediction(
    contender: Contender, classifier: AugmentedClassifier, graph: GraphChoice = "never"
) -> Callable[[Tensor], Tensor]:
    def predict(images: Tensor) -> Tensor:
        scores: Tensor = classifier.head(contender.ends(classifier.augmentation(images), graph))
        return scores

    return predict


def _graph(contender: Contender, classifier: AugmentedClassifier, images: Tensor) -> Callable[[], Tensor]:
    """Return the prediction as one graph; of adaptive steps, whose number only the device knows, one graph a step."""
    if contender.stepping is None:
        return partial(_prediction(contender, classifier, "auto"), images)
    return captured(_prediction(contender, classifier), images)


def fastest(runs: Mapping[int, Callable[[], object]], settings: WallClockSettings, meter: Meter) -> dict[int, float]:
    """Return the smallest time [s] of each function, called in turn so that slow phases hit all alike.

    Every call is synchronised at both ends.

    Args:
        runs: Functions of no arguments, by any key.
        settings: How many rounds, and for how long at least.
        meter: Measures.
    """
    for _ in range(_WARM_UP):
        for run in runs.values():
            run()
    best = dict.fromkeys(runs, math.inf)
    done, spent = 0, 0.0
    while done < settings.rounds or spent < settings.seconds:
        for key, run in runs.items():
            with meter.wall_time() as reading:
                run()
            best[key] = min(best[key], reading.value)
            spent += reading.value
        done += 1
    return best
