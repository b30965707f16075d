"""Settings of a tracking field and of its training by an integral loss."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

TUTORIAL = "the authors' library, torchdyn, tracking tutorial; not the paper's own run"


@dataclass(frozen=True)
class TrackingSettings(Settings):
    """A field and its training, whichever experiment it is tested in; the defaults are those of a paper profile."""

    hidden: int = setting(64, source=f"units between the two layers: {TUTORIAL}")
    harmonics: int = setting(5, source="Massaroli et al. 2020, section 3, from memory (unverified); the tutorial has 2")
    method: str = setting("dopri5", source=f"{TUTORIAL}; smaller profiles take steps on a fixed grid, which is faster")
    steps: int = setting(
        20,
        ours="of training on the depths [0, 1] by a method of fixed steps, on which stacked pieces end",
    )
    rtol: float = setting(1e-4, source=f"{TUTORIAL}, first version; later 1e-6")
    atol: float = setting(1e-6, source=f"{TUTORIAL}")
    gradient: str = setting(
        "adjoint",
        source="Massaroli et al. 2020, section 2: the generalised adjoint; smaller profiles differentiate through the "
        "solver, and its Figure 2 measures the difference",
    )
    batch_size: int = setting(100, source=f"initial conditions, fresh in every iteration: {TUTORIAL}, first version")
    deviation: float = setting(0.1, source=f"of the initial conditions of the training: {TUTORIAL}, first two versions")
    learning_rate: float = setting(1e-3, source=f"Adam: {TUTORIAL}, July 2020")
    final_learning_rate: float = setting(
        1.0, ours="part of the learning rate that a cosine schedule ends at; 1 keeps it constant"
    )
    iterations: int = setting(1_500, source=f"{TUTORIAL}, July 2020")
