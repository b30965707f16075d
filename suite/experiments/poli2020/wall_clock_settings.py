"""Settings of the wall-clock comparison."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting


@dataclass(frozen=True)
class WallClockSettings(Settings):
    """Accuracy losses, effort and timing; the classifier and the correction are those of MNIST at the same profile."""

    test_images: int = setting(10_000, ours="test images on which the accuracy loss is measured: all of them")
    losses: tuple[float, ...] = setting(
        (0.1, 0.2, 0.4), ours="accuracy losses allowed, in points: widely quoted of the paper, but no source was found"
    )
    batches: tuple[int, ...] = setting((1, 16, 128, 1024), ours="images whose classes are asked for at once")
    evaluations: tuple[int, ...] = setting(
        (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40), ours="evaluations of the field that methods are tried with"
    )
    tolerances: tuple[float, ...] = setting(
        (1.0, 1e-1, 1e-2, 1e-3, 1e-4), ours="absolute and relative tolerances that adaptive methods are tried with"
    )
    rounds: int = setting(20, ours="timed calls of each method, taken in turn; the fastest counts")
    seconds: float = setting(3.0, ours="least time spent on all calls of a batch size together")
