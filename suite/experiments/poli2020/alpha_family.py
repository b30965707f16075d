"""HyperMidpoint on the second-order family, "base solver generality" of section 4 of Poli et al. 2020."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.poli2020.alpha_measures import record_equal_operations, record_member, record_sizes
from suite.experiments.poli2020.alpha_residuals import record_delta, record_residuals
from suite.experiments.poli2020.alpha_settings import AlphaSettings
from suite.experiments.poli2020.image_correction import fit_correction
from suite.experiments.poli2020.image_data import prepared
from suite.experiments.poli2020.image_problem import ImageProblem, image_problem
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.experiments.poli2020.mnist import Mnist
from suite.models.image_flow import convolutional_correction, steady_convolutions
from suite.solvers import ButcherTableau, ExplicitRungeKutta
from suite.solvers.hyper import Hypersolver, NetworkCorrection
from suite.solvers.tableaus import alpha_family, rk4

TRAINED = ModelSpec("poli2020/mnist", "node")
"""The classifier: that of the MNIST experiment, at the same profile."""
PIXELS = 28


class AlphaFamily(Experiment):
    """Errors of every two-stage method of second order, with a correction that was fitted with midpoint as base.

    ``base`` has no correction, ``hyper-midpoint`` one that is fitted at alpha = 1/2 and used at all, ``refitted`` one
    for each of some members, and ``rk4`` the operations of HyperMidpoint. Beside every sample's error against its own
    exact state stands what the released code plots for the base solver, which subtracts the last sample's state from
    all. ``base`` also measures residuals, and what exact directional derivatives predict of them.
    """

    id = "poli2020/alpha-family"
    title = "Section 4: HyperMidpoint with every base solver of the second-order family"
    variants = ("base", "rk4", "refitted", "hyper-midpoint")
    # With 24 channels, g costs 1.79 evaluations of the reduced field; 1.76 at the published size.
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": AlphaSettings(
            alphas=(0.1, 0.5, 1.0), correction_channels=24, refitted_alphas=(1.0,), residual_images=2,
            residual_steps=(9, 18),
        ),
        "quick": AlphaSettings(correction_channels=24, residual_images=4),
        "laptop": AlphaSettings(correction_channels=24),
        "paper": AlphaSettings(),
    }  # fmt: skip
    datasets = ("mnist",)
    headline = "relative_error"
    paper_cost = (
        "estimated, not measured: 1 GPU-hour for one seed on an H200 beside the classifier of poli2020/mnist, most of "
        "it three fits of 15,000 iterations"
    )

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every variant solves the trained classifier of the MNIST experiment."""
        del cell
        return [TRAINED]

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one variant at every member of the family."""
        settings = AlphaSettings.of(cell.settings)
        images = image_settings(cell.profile)
        data = prepared(meter.dataset("mnist"), images, meter)
        problem = image_problem(meter.trained(TRAINED), data, images)
        overhead = _record_sizes(problem, settings, meter)
        fit = partial(_fitted, problem=problem, train=data.train_images, settings=settings, images=images, meter=meter)
        steps = images.fit_steps
        # What HyperMidpoint's steps cost, in evaluations of the field.
        budget = steps * (2 + overhead)
        if cell.variant == "rk4":
            _record_classical(problem, rk4, budget, meter)
        elif cell.variant == "refitted":
            for alpha in settings.refitted_alphas:
                record_member(problem, Hypersolver(alpha_family(alpha), fit(alpha)), alpha, steps, meter)
        elif cell.variant == "base":
            _measure_family(None, problem, steps, settings, meter)
            _record_classical(problem, alpha_family(settings.trained_alpha), budget, meter)
            record_residuals(problem, settings, meter)
        else:
            correction = fit(settings.trained_alpha)
            _measure_family(correction, problem, steps, settings, meter)
            trained = Hypersolver(alpha_family(settings.trained_alpha), correction)
            record_equal_operations(problem, trained, steps, 1.0, meter)
            record_delta(correction, problem, steps, settings, meter)


def image_settings(profile: Profile) -> ImageSettings:
    """Return the settings of the MNIST experiment: its classifier is solved, and corrections are fitted as its is."""
    return ImageSettings.of(Mnist.profiles[profile])


def new_correction(channels: int, hidden: int) -> NetworkCorrection:
    """Return the untrained correction of HyperMidpoint: two convolutions of state, first slope and step."""
    return convolutional_correction(channels, (hidden,), activation=nn.ReLU)


def _fitted(
    alpha: float,
    problem: ImageProblem,
    train: Tensor,
    settings: AlphaSettings,
    images: ImageSettings,
    meter: Meter,
) -> NetworkCorrection:
    """Return a correction that is fitted with one member as base."""
    with meter.initialisation():
        correction = new_correction(images.channels, settings.correction_channels).to(meter.device)
    hypersolver = Hypersolver(alpha_family(alpha), correction)
    fit_correction(hypersolver, problem.field, problem.augmentation, train, images, meter, fitted_alpha=alpha)
    return correction


def _record_classical(problem: ImageProblem, tableau: ButcherTableau, budget: float, meter: Meter) -> None:
    """Record the error of a method without a correction, with as many steps as a budget of evaluations affords."""
    steps = int(budget / tableau.stages)
    method = ExplicitRungeKutta("classical", tableau, adaptive=False)
    record_equal_operations(problem, method, steps, steps * tableau.stages / budget, meter)


def _measure_family(
    correction: NetworkCorrection | None, problem: ImageProblem, steps: int, settings: AlphaSettings, meter: Meter
) -> None:
    errors, released = {}, []
    for number, alpha in enumerate(settings.alphas):
        meter.progress(number, len(settings.alphas), "members")
        base = ExplicitRungeKutta("alpha-family", alpha_family(alpha), adaptive=False)
        method = base if correction is None else Hypersolver(base, correction)
        errors[alpha], other = record_member(problem, method, alpha, steps, meter)
        released.append(other)
    meter.record("best_alpha", min(errors, key=lambda alpha: errors[alpha]), "1")
    meter.record("released_spread", max(released) / min(released), "1")


def _record_sizes(problem: ImageProblem, settings: AlphaSettings, meter: Meter) -> float:
    """Record what g costs at this and at the published size; return the former in evaluations of the field."""
    paper, images = AlphaSettings(), image_settings("paper")
    published = new_correction(images.channels, paper.correction_channels)
    state = torch.zeros(1, images.channels, PIXELS, PIXELS)
    record_sizes(steady_convolutions(images.channels, images.hidden), published, state, meter, "_published")
    channels = problem.starts.shape[1]
    correction = new_correction(channels, settings.correction_channels).to(meter.device)
    return record_sizes(problem.field, correction, problem.starts[:1], meter)
