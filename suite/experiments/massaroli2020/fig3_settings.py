"""Settings of Figure 3."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting

NOTEBOOK = "released annuli notebook (DiffEqML/diffeqml-research, commit 7f4379f)"


@dataclass(frozen=True)
class Fig3Settings(Settings):
    """Data, models, training and measurements of Figure 3; the defaults are the paper profile."""

    inner_radius: float = setting(0.5, source=f"before scaling, label 1: {NOTEBOOK}")
    outer_radius: float = setting(1.0, source=f"before scaling, label 0: {NOTEBOOK}")
    noise: float = setting(0.05, source=f"Gaussian, for each coordinate, before scaling: {NOTEBOOK}")
    scale: float = setting(2.0, source=f"factor on all points: {NOTEBOOK}")
    hidden: int = setting(32, source=f"units of each hidden layer, vanilla and depth-concatenated: {NOTEBOOK}")
    galerkin_hidden: int = setting(16, source=NOTEBOOK)
    harmonics: int = setting(5, source=f"of the Galerkin layer: {NOTEBOOK}")
    controlled_hidden: int = setting(32, source=f"of the data-controlled field, with softplus: {NOTEBOOK}")
    pieces: int = setting(5, ours="of the stacked field; the notebook has none, the authors' cookbook stacks five")
    stacked_hidden: int = setting(16, ours="of each piece of the stacked field")
    extra: int = setting(1, ours="zeros that augment the state of the control `anode`: the fewest there can be")
    input_hidden: int = setting(32, ours="of the perceptrons 2-32-2 in the controls `mlp` and `input-network`")
    method: str = setting("dopri5", source=NOTEBOOK)
    training_tolerance: float = setting(
        1e-5, source=f"relative and absolute: {NOTEBOOK}; smaller profiles train at 1e-3 and measure as this one does"
    )
    gradient: str = setting(
        "adjoint", source=f"{NOTEBOOK}; smaller profiles differentiate through the solver, which is faster on a CPU"
    )
    batch_size: int = setting(1024, source=f"fresh points in every iteration: {NOTEBOOK}")
    learning_rate: float = setting(1e-3, source=f"AdamW: {NOTEBOOK}; higher where there are fewer iterations")
    weight_decay: float = setting(1e-6, source=f"AdamW: {NOTEBOOK}")
    iterations: int = setting(2000, source=NOTEBOOK)
    checks: int = setting(20, ours="how often the training loss is recorded")
    threshold: float = setting(0.5, source=f"prediction above which a point counts as inner: {NOTEBOOK}")
    test_points: int = setting(20_000, ours="fresh points that are never trained on")
    tolerance: float = setting(1e-5, source=f"at which accuracy and evaluations are measured: {NOTEBOOK}")
    circle_points: int = setting(
        20_000, ours="evenly spaced, on the circle of the outer class and on that of the inner one, without noise"
    )
    circle_tolerance: float = setting(1e-8, ours="in double precision, where a crack is looked for")
    field_points: int = setting(1_000, ours="test points along whose paths the norm of the field is averaged")
    rays: int = setting(180, ours="from the origin, on which the boundary of the inner class is looked for")
    window: float = setting(2.0, source=f"half the side of the pictures: {NOTEBOOK}")
    boundary_lines: int = setting(81, ours="horizontal lines on which the picture of the labels is recorded")
    boundary_points: int = setting(401, ours="points on each of these lines")
    field_side: int = setting(11, ours="arrows along a side of a picture of the field")
    path_points: int = setting(12, ours="points of each circle whose paths are recorded, with seed 0")
    depths: tuple[float, ...] = setting((0.0, 0.25, 0.5, 0.75, 1.0), source=f"at which the field is shown: {NOTEBOOK}")
