"""Fields that read a condition beside the state."""

from suite.models.data_control.condition_concatenation import ConditionConcatenation
from suite.models.data_control.data_controlled_block import DataControlledBlock

__all__ = ["ConditionConcatenation", "DataControlledBlock"]
