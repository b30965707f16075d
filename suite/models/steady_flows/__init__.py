"""Vector fields of continuous flows that do not depend on time."""

from suite.models.steady_flows.steady_perceptron import SteadyPerceptron

__all__ = ["SteadyPerceptron"]
