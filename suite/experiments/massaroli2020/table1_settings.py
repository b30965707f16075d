"""Settings of Table 1: data, networks, solver, training, and the solvers that trained networks are tested with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from suite.declarations import Profile, Settings, setting
from suite.experiments.throughput import ThroughputSettings

NOTEBOOK = "the authors' released CIFAR-10 notebooks"
NO_MNIST = "no MNIST notebook was released"


@dataclass(frozen=True)
class Table1Settings(Settings):
    """Table 1 on MNIST; the defaults are the published ones."""

    train_images: int = setting(60_000, source="MNIST's training set; a smaller profile takes its first images")
    test_images: int = setting(10_000, source="MNIST's test set; a smaller profile takes its first images")
    image_channels: int = setting(1, source="MNIST's images are grey")
    pixel_means: tuple[float, ...] = setting(
        (0.0,), ours=f"{NO_MNIST}; an independent reproduction used pixels in 0..1 as they are"
    )
    pixel_deviations: tuple[float, ...] = setting((1.0,), ours="as the means: pixels in 0..1 as they are")
    pooling: int = setting(1, ours="1 is the image itself; a smaller profile averages patches of so many pixels a side")
    node_hidden: int = setting(
        48, ours=f"{NO_MNIST}; with 48 the CIFAR-10 template comes nearest to the remembered 21.4 K parameters"
    )
    channels: int = setting(
        32, ours=f"{NO_MNIST}; with 32 the CIFAR-10 template comes near to the remembered 20.0 to 20.4 K parameters"
    )
    node_head_channels: int = setting(3, source=f"{NOTEBOOK}: channels of the plain Neural ODE's head")
    head_channels: int = setting(6, source=f"{NOTEBOOK}: channels of every other head")
    head_grid: int = setting(4, source=f"{NOTEBOOK}: patches a side that the head averages")
    method: str = setting("dopri5", source=NOTEBOOK)
    tolerance: float = setting(1e-4, source=f"{NOTEBOOK}: absolute and relative, forwards and backwards")
    epochs: int = setting(20, source=f"{NOTEBOOK}; for MNIST by the statement of an independent reproduction")
    batch_size: int = setting(64, source=NOTEBOOK)
    learning_rate: float = setting(1e-3, source=f"{NOTEBOOK}: AdamW")
    weight_decay: float = setting(5e-4, source=f"{NOTEBOOK}: AdamW")
    decay_every: int = setting(5, source=f"{NOTEBOOK}: epochs between two falls of the learning rate")
    decay_factor: float = setting(0.9, source=f"{NOTEBOOK}: what the learning rate is multiplied with")
    test_batch_size: int = setting(500, ours="bounds the memory of testing; all images of a batch share solver steps")
    retest_images: int = setting(10_000, ours="test images, the first ones, on which other solvers are tried")
    retest_factor: float = setting(
        100.0, ours="how much tighter the tolerance of the retest is: it stands for the ODE itself"
    )
    retest_rk4_steps: int = setting(16, ours="equal steps of RK4 in the retest: a method of another kind")


@dataclass(frozen=True)
class Table1Cifar10Settings(Table1Settings):
    """Table 1 on CIFAR-10; the defaults are the published ones."""

    train_images: int = setting(50_000, source="CIFAR-10's training set; a smaller profile takes its first images")
    test_images: int = setting(10_000, source="CIFAR-10's test set; a smaller profile takes its first images")
    image_channels: int = setting(3, source="CIFAR-10's images are in colour")
    pixel_means: tuple[float, ...] = setting((0.4914, 0.4822, 0.4465), source=NOTEBOOK)
    pixel_deviations: tuple[float, ...] = setting((0.2023, 0.1994, 0.2010), source=NOTEBOOK)
    node_hidden: int = setting(62, source=NOTEBOOK)
    channels: int = setting(42, source=NOTEBOOK)
    epochs: int = setting(20, source=NOTEBOOK)


@dataclass(frozen=True)
class Table1PaperSettings(ThroughputSettings, Table1Settings):
    """The paper profile on MNIST: the published setting, and how its networks are computed."""


@dataclass(frozen=True)
class Table1Cifar10PaperSettings(ThroughputSettings, Table1Cifar10Settings):
    """The paper profile on CIFAR-10, likewise."""


def small_profiles(paper: Table1Settings, *, smoke_channels: int) -> dict[Profile, Settings]:
    """Return the smoke and the quick profile of either data set.

    Args:
        paper: Its published settings.
        smoke_channels: Channels of the augmented states at smoke size, more than the images have.
    """
    return {
        "smoke": replace(
            paper, train_images=32, test_images=40, pooling=4, node_hidden=6, channels=smoke_channels, tolerance=1e-2,
            epochs=2, batch_size=16, test_batch_size=40, retest_images=40, retest_rk4_steps=2,
        ),
        "quick": replace(
            paper, train_images=256, test_images=250, pooling=4, node_hidden=12, channels=8, tolerance=1e-3, epochs=1,
            test_batch_size=250, retest_images=100, retest_rk4_steps=4,
        ),
    }  # fmt: skip
