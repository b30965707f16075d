"""A classifier with a flow inside, and the integral of any loss along its paths."""

from suite.models.flow_classifier.flow_classifier import FlowClassifier

__all__ = ["FlowClassifier"]
