"""Settings of the numerical tests of the theorems."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting


@dataclass(frozen=True)
class TheoremsSettings(Settings):
    """Sizes, tolerances and sweeps; nothing of it is printed, as the paper proves and does not measure."""

    samples: int = setting(16, ours="initial states; losses are summed over them")
    dimensions: int = setting(2, ours="of the state, as in the paper's toy problems")
    hidden: int = setting(16, ours="units of the one hidden layer of the fields")
    harmonics: int = setting(2, ours="of the Fourier series that parameters follow")
    gain: float = setting(1.5, ours="factor on the usual size of weights: states move by about their size")
    tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10), ours="relative and absolute, of dopri5 in float64"
    )
    reference_tolerance: float = setting(1e-13, ours="of the reference, by dopri8 and autograd through its steps")
    tight_tolerance: float = setting(1e-12, ours="where an identity is tested and not a solver, by dopri8")
    nodes: int = setting(96, ours="Gauss nodes of an integral over depth; its error is far below 1e-8")
    batch_sizes: tuple[int, ...] = setting((1, 2, 5, 16), ours="against samples solved one by one")
    pieces: tuple[int, ...] = setting((1, 2, 4, 8, 16, 32, 64), ours="of the stacked field")
    widths: tuple[float, ...] = setting(
        (0.1, 0.05, 0.025, 0.0125, 0.00625), ours="half widths of a perturbation of the parameters near one depth"
    )
    centres: tuple[float, ...] = setting((0.25, 0.5, 0.7), ours="depths near which they are perturbed")
    amount: float = setting(1e-3, ours="size of the perturbation; differences are of fourth order in it")
    thetas: tuple[float, ...] = setting((1.0, 3.0, 5.0, 8.0), ours="of z' = -theta (z + x) in proposition 2")
    epsilons: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4), ours="accuracies for which proposition 2 gives a theta"
    )
    steps: tuple[int, ...] = setting((1, 2, 4, 8, 16, 32, 64, 128, 256), ours="of rk4, for the growth of memory")
    orders: tuple[int, ...] = setting((2, 3, 4, 10), ours="of linear systems; the authors' tutorial goes to 10")
    starts: int = setting(101, ours="states of one dimension, evenly spaced over [-1, 1], whose paths are compared")
    draws: int = setting(5, ours="fields of one dimension of each kind")
    one_dimension_gain: float = setting(4.0, ours="their weights are larger: paths come close to each other")
