"""Maps of one number to one number by a solve, with the path that leads there."""

from suite.models.scalar_maps.adaptive_map import AdaptiveMap
from suite.models.scalar_maps.controlled_map import ControlledMap
from suite.models.scalar_maps.flow_map import FlowMap
from suite.models.scalar_maps.replicated_map import ReplicatedMap
from suite.models.scalar_maps.scalar_map import ScalarMap

__all__ = ["AdaptiveMap", "ControlledMap", "FlowMap", "ReplicatedMap", "ScalarMap"]
