"""Settings of Figure 5."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting


@dataclass(frozen=True)
class Fig5Settings(Settings):
    """Data, networks and training of adaptive depth; the defaults are the paper profile."""

    points: int = setting(100, ours="evenly spaced over [-1, 1], as for data control; appendix C.3 was not at hand")
    hidden: int = setting(64, ours="units of the field, as in the authors' tutorial of the same map")
    depth_hidden: int = setting(16, ours="units of the network that gives the depth")
    tolerance: float = setting(1e-4, source="the authors' library, models/adadepth.py: the default; of dopri5")
    learning_rate: float = setting(0.01, ours="of Adam, as in the authors' tutorial of the same map")
    iterations: int = setting(500, ours="of full batches, as in that tutorial for its slowest models")
    restarts: int = setting(5, ours="trainings from other initial weights, of which the successful are counted")
    success: float = setting(1e-3, ours="mean squared error below which a training has learned the map")
    drawn_starts: int = setting(11, ours="paths in the picture")
    drawn_points: int = setting(21, ours="points of a path in the picture")
    common_depths: int = setting(101, ours="depths at which the order of paths is compared")
    path_tolerance: float = setting(1e-9, ours="of the paths whose order is compared")
