"""Settings of the informal experiments in section 6 of Chen et al. 2018, of which the paper gives tolerances alone."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting


@dataclass(frozen=True)
class Section6Settings(Settings):
    """Batches, tolerances, fields and short trainings; the defaults are the paper profile."""

    method: str = setting("dopri5", ours="as Table 1's ODE-Net; the paper used implicit Adams")
    batches: tuple[int, ...] = setting(
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024), ours="samples that share solver steps; the paper gives no size"
    )
    batch_tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-5), ours="tolerances of section 6 for classification and for density estimation"
    )
    watched: int = setting(64, ours="samples that are also solved one by one, and whose errors are watched in a batch")
    reference_tolerance: float = setting(1e-8, ours="of the solution that errors are measured against")
    reversal_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7), ours="of both ways; the paper's default was 1.5e-8"
    )
    reversal_samples: int = setting(16, ours="samples that are solved forwards and back as one batch")
    width: int = setting(32, ours="tanh units of the mild field, on two dimensions, with standard normal weights")
    mild_end: float = setting(1.0, ours="final time of the mild field")
    rates: tuple[float, ...] = setting(
        (1.0, 5.0, 10.0, 20.0), ours="decay rates of the contracting field; over a unit of time backwards, exp(20)"
    )
    largest_damping: float = setting(
        50.0, ours="of Van der Pol oscillators in one batch, spread evenly in the logarithm from 0.1"
    )
    damped_end: float = setting(2.0, ours="final time of the Van der Pol oscillators")
    training_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5), ours="of the classifier; section 6 says 1e-3"
    )
    density_tolerances: tuple[float, ...] = setting(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7), ours="of the flow; section 6 says 1e-5"
    )
    training_images: int = setting(60_000, ours="as in Table 1")
    test_images: int = setting(10_000, ours="as in Table 1")
    channels: int = setting(64, ours="as in Table 1")
    stem: str = setting("res", ours="as in Table 1")
    epochs: int = setting(10, ours="short: tolerances are compared with each other and not with Table 1")
    decay_epochs: tuple[int, ...] = setting((7,), ours="the learning rate falls tenfold after these epochs")
    batch_size: int = setting(128, ours="as in Table 1")
    learning_rate: float = setting(0.1, ours="as in Table 1")
    momentum: float = setting(0.9, ours="as in Table 1")
    flow_width: int = setting(32, ours="units of the planar continuous flow; section 4 has 2 to 64")
    flow_hidden: int = setting(32, ours="of its hypernetwork, as in torchdiffeq's example of a flow")
    flow_iterations: int = setting(3_000, ours="steps of Adam, each on fresh samples")
    flow_samples: int = setting(512, ours="in a step, as in torchdiffeq's example of a flow")
    flow_learning_rate: float = setting(5e-3, ours="of Adam")
    flow_test_samples: int = setting(10_000, ours="held-out samples of the density")


SMOKE = Section6Settings(
    batches=(1, 2, 8),
    batch_tolerances=(1e-2,),
    watched=4,
    reference_tolerance=1e-4,
    reversal_tolerances=(1e-2, 1e-3),
    reversal_samples=4,
    largest_damping=5.0,
    damped_end=1.0,
    training_tolerances=(1e-1, 1e-3),
    density_tolerances=(1e-3, 1e-5),
    training_images=32,
    test_images=32,
    channels=8,
    epochs=1,
    decay_epochs=(1,),
    batch_size=16,
    flow_width=4,
    flow_hidden=8,
    flow_iterations=2,
    flow_samples=32,
    flow_test_samples=64,
)

QUICK = Section6Settings(
    batches=(1, 4, 16, 64, 256),
    watched=12,
    reference_tolerance=1e-7,
    reversal_samples=8,
    reversal_tolerances=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    training_tolerances=(1e-1, 1e-3),
    density_tolerances=(1e-3, 1e-5),
    training_images=320,
    test_images=355,
    channels=8,
    epochs=1,
    decay_epochs=(1,),
    batch_size=16,
    flow_width=16,
    flow_hidden=16,
    flow_iterations=40,
    flow_samples=128,
    flow_test_samples=1_000,
)

LAPTOP = Section6Settings(
    watched=24,
    reference_tolerance=1e-7,
    reversal_tolerances=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    training_images=2_500,
    test_images=2_000,
    channels=16,
    epochs=2,
    decay_epochs=(1,),
    batch_size=32,
    density_tolerances=(1e-3, 1e-5, 1e-7),
    training_tolerances=(1e-1, 1e-3, 1e-5),
    flow_width=16,
    flow_hidden=16,
    flow_iterations=120,
    flow_samples=256,
    flow_test_samples=4_000,
)
