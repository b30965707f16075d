"""Settings of the hypersolvers on images: data, Neural ODE, correction, and what is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from suite.declarations import Profile, Settings, setting
from suite.experiments.throughput import ThroughputSettings

NOTEBOOK = "the authors' released hypersolver notebooks"
SIBLING = "not released; the authors' sibling notebook on CIFAR-10 (Dissecting Neural ODEs)"


@dataclass(frozen=True)
class ImageSettings(Settings):
    """HyperEuler on MNIST; the defaults are the published ones."""

    train_images: int = setting(60_000, source="MNIST's training set; a smaller profile takes its first images")
    test_images: int = setting(10_000, ours="the notebook evaluates on 80 images; here all of the test set")
    pooling: int = setting(1, ours="1 is the image itself; a smaller profile averages patches of so many pixels a side")
    image_channels: int = setting(1, source="MNIST's images are grey")
    pixel_means: tuple[float, ...] = setting((0.1307,), source=NOTEBOOK)
    pixel_deviations: tuple[float, ...] = setting((0.3081,), source=NOTEBOOK)
    rotation: float = setting(
        20.0, source=f"{NOTEBOOK}: training images are rotated at random up to 20 degrees; here once for each image"
    )
    channels: int = setting(32, source=f"{NOTEBOOK}: the image and 31 channels of an input layer")
    keep_image: bool = setting(True, source=f"{NOTEBOOK}: the image is part of the state")
    hidden: int = setting(46, source=f"{NOTEBOOK}: the field is 32-46-46-32")
    head_grid: int = setting(1, source=f"{NOTEBOOK}: the mean over the whole image, then a linear layer")
    tolerance: float = setting(1e-4, source=f"{NOTEBOOK}: dopri5, absolute and relative")
    epochs: int = setting(20, ours=f"{SIBLING} has 20")
    batch_size: int = setting(64, ours=f"{SIBLING} has 64")
    learning_rate: float = setting(1e-3, ours=f"{SIBLING} has AdamW with 1e-3; few epochs take more")
    weight_decay: float = setting(5e-4, ours=f"{SIBLING} has 5e-4")
    decay_every: int = setting(5, ours=f"{SIBLING}: epochs between two falls of the learning rate")
    decay_factor: float = setting(0.9, ours=f"{SIBLING}: what the learning rate is multiplied with")
    test_batch_size: int = setting(500, ours="bounds the memory of testing; all images of a batch share solver steps")
    correction_channels: int = setting(32, source=f"{NOTEBOOK}: g is 65-32-32-32, with PReLU")
    fit_steps: int = setting(9, source=f"{NOTEBOOK}: 10 points of the grid; the paper is remembered to say K = 10")
    fit_tolerance: float = setting(1e-4, source=f"{NOTEBOOK}: of the reference that g learns from, dopri5")
    fit_iterations: int = setting(15_000, source=f"{NOTEBOOK}: 15,000 iterations in the text")
    fit_images: int = setting(16, source=f"{NOTEBOOK}: images in a batch of initial conditions")
    fit_refresh: int = setting(10, source=f"{NOTEBOOK}: iterations after which the batch is replaced")
    fit_batch: int = setting(144, source=f"{NOTEBOOK}: all 9 steps of 16 images; here drawn with replacement")
    fit_learning_rate: float = setting(1e-3, source=f"{NOTEBOOK}: AdamW, 1e-3 ...")
    fit_last_learning_rate: float = setting(5e-4, source=f"{NOTEBOOK}: ... falling to 5e-4 along a cosine")
    fit_weight_decay: float = setting(1e-8, source=NOTEBOOK)
    fit_gradient_norm: float = setting(1.0, source=f"{NOTEBOOK}: gradients are clipped at 1")
    reference_tolerance: float = setting(
        1e-7, ours="of dopri8 in double precision, which all methods are measured against"
    )
    evaluations: tuple[int, ...] = setting(
        (4, 8, 12, 16, 20, 24, 28, 32, 36, 40), ours="of the field, multiples of 4 so that every method can have them"
    )
    axis_evaluations: tuple[int, ...] = setting(
        (8, 12, 16, 20, 24, 28, 32, 36, 40), source=f"{NOTEBOOK}: 8 to 40 on an axis that counts points of the grid"
    )
    budgets: tuple[float, ...] = setting(
        (8.0, 12.0, 16.0, 20.0, 24.0, 32.0), ours="multiply-accumulates at which methods are compared, in evaluations"
    )
    map_steps: int = setting(9, source=f"{NOTEBOOK}: pixel errors are shown over 9 steps")
    mapped_images: int = setting(80, source=f"{NOTEBOOK}: images whose errors are averaged")
    timed_images: int = setting(128, ours="images in the batch whose solve is timed")
    repeats: int = setting(5, ours="timed repeats; the fastest counts, as it is disturbed least")


@dataclass(frozen=True)
class Cifar10Settings(ImageSettings):
    """HyperEuler on CIFAR-10; the defaults are the published ones."""

    train_images: int = setting(50_000, source="CIFAR-10's training set; a smaller profile takes its first images")
    test_images: int = setting(10_000, ours="the notebook evaluates on 80 images; here all of the test set")
    image_channels: int = setting(3, source="CIFAR-10's images are in colour")
    pixel_means: tuple[float, ...] = setting(
        (0.4914, 0.4822, 0.4465), ours="means of the training set, as usual; the field starts with a normalisation"
    )
    pixel_deviations: tuple[float, ...] = setting((0.2023, 0.1994, 0.2010), ours="deviations, likewise")
    rotation: float = setting(0.0, source=f"{NOTEBOOK}: images are not augmented")
    channels: int = setting(20, source=f"{NOTEBOOK}: an input layer of 20 channels")
    keep_image: bool = setting(False, source=f"{NOTEBOOK}: the image is no part of the state")
    hidden: int = setting(50, source=f"{NOTEBOOK}: the field is 20-50-50-20")
    head_grid: int = setting(2, source=f"{NOTEBOOK}: means over 2 x 2 patches, then a linear layer")
    tolerance: float = setting(1e-5, source=f"{NOTEBOOK}: dopri5, absolute and relative")
    correction_channels: int = setting(32, source=f"{NOTEBOOK}: g is 41-32-32-20, with PReLU")


@dataclass(frozen=True)
class PaperSettings(ThroughputSettings, ImageSettings):
    """The paper profile on MNIST: the published setting, and how the training of its network is computed."""


@dataclass(frozen=True)
class Cifar10PaperSettings(ThroughputSettings, Cifar10Settings):
    """The paper profile on CIFAR-10, likewise."""


def all_profiles(
    paper: ImageSettings,
    published: ImageSettings,
    sizes: tuple[int, int, int],
    *,
    train_images: int,
    epochs: int,
    test_images: int,
) -> dict[Profile, Settings]:
    """Return the profiles of either data set; all but the paper's are on images of 7 or 8 pixels a side.

    Args:
        paper: Of the paper profile.
        published: The published settings alone, which the others reduce.
        sizes: Channels of the state, of the field and of g, which keep the published cost of g beside the field's.
        train_images: Of the laptop profile.
        epochs: Of the laptop profile.
        test_images: Of the laptop profile.
    """
    channels, hidden, correction = sizes
    reduced = replace(
        published, pooling=4, channels=channels, hidden=hidden, correction_channels=correction, tolerance=1e-3,
        decay_every=1, fit_tolerance=1e-4, fit_last_learning_rate=1e-4, fit_learning_rate=5e-3,
    )  # fmt: skip
    return {
        "smoke": replace(
            reduced, train_images=64, test_images=32, epochs=1, batch_size=32, tolerance=1e-2, fit_iterations=4,
            fit_batch=16, fit_images=4, fit_refresh=2, reference_tolerance=1e-5, evaluations=(4, 8),
            axis_evaluations=(8,), budgets=(8.0,), map_steps=2, timed_images=4, repeats=1,
        ),
        "quick": replace(
            reduced, train_images=1_024, test_images=128, epochs=3, learning_rate=1e-2, fit_iterations=150,
            fit_images=32, fit_refresh=50, fit_batch=64, reference_tolerance=1e-6, evaluations=(4, 8, 12, 16, 24),
            axis_evaluations=(8, 12, 16, 24), budgets=(8.0, 12.0, 16.0, 20.0), timed_images=32, repeats=3,
        ),
        "laptop": replace(
            reduced, train_images=train_images, test_images=test_images, epochs=epochs, learning_rate=1e-2,
            fit_iterations=1_500, fit_images=64, fit_refresh=50,
        ),
        "paper": paper,
    }  # fmt: skip
