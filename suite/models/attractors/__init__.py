"""Vector fields whose trajectories stay on an attractor: Lorenz' and Van der Pol's."""

from suite.models.attractors.lorenz import Lorenz
from suite.models.attractors.oscillator import Oscillator

__all__ = ["Lorenz", "Oscillator"]
