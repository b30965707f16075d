"""Augmentation strategies of Massaroli et al. 2020, section 4: zeros, an input layer, higher orders."""

from suite.models.augmentation.higher_order import HigherOrderField, SelectiveHigherOrderField
from suite.models.augmentation.input_layer import InputLayer
from suite.models.augmentation.zeros import ZeroAugmentation

__all__ = ["HigherOrderField", "InputLayer", "SelectiveHigherOrderField", "ZeroAugmentation"]
