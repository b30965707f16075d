"""The Adams method of VODE: variable order, variable step.

Brown, Byrne and Hindmarsh (1989), "VODE: a variable-coefficient ODE solver", SIAM J. Sci. Stat. Comput. 10(5), as scipy
ships it. Chen et al. (2018) solved their networks with it. The implicit equation of a step is solved by functional
iteration: no Jacobian is formed, so that memory is 16 vectors of the state's size.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import ClassVar

from suite.solvers.errors import StepLimitError
from suite.solvers.external.host_field import HostField
from suite.solvers.external.scipy import HostStep
from suite.solvers.external.vode_integrator import LARGEST_ORDER, VodeIntegrator, VodeOptions
from suite.solvers.method import Method, Options, Walk
from suite.solvers.options import AdaptiveOptions, read_options
from suite.solvers.problem import Problem


class VodeAdams(Method):
    """VODE's Adams method, on the host and in double precision; complex states as their real and imaginary parts.

    Steps do not end on outputs: VODE goes past them and interpolates, at its own order, so that the field may be
    evaluated beyond the last output time. Autograd cannot follow it: its outputs are detached.
    """

    differentiable: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        super().__init__(name, LARGEST_ORDER, adaptive=True)

    def prepare(self, options: Options) -> Walk:
        """Read the options."""
        return partial(_walk, read_options(options, VodeOptions, AdaptiveOptions))


def _walk(settings: VodeOptions, problem: Problem) -> None:
    field = HostField(problem, compiled=True, as_real=True)
    values, statistics, direction = problem.values, problem.statistics, problem.direction
    integrator = VodeIntegrator(settings, field, values)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "vode:", UserWarning)  # it warns of what is raised here
        while len(problem.outputs) < len(values):
            if statistics.accepted >= settings.max_num_steps:
                limit = f"max_num_steps = {settings.max_num_steps:g} steps were taken"
                reached = f"the solution has reached only t = {integrator.time:g}"
                raise StepLimitError(f"{limit}, and {reached}", integrator.time)
            before, y0 = integrator.time, integrator.y
            try:
                integrator.step()
            finally:
                statistics.rejected = integrator.rejected
            statistics.accepted += 1
            while problem.next_is_due(integrator.time):
                problem.outputs.append(field.to_state(integrator.at(values[len(problem.outputs)])))
            if problem.dense:
                # The last step goes past the last output; what is known ends there.
                over = direction * (integrator.time - values[-1]) > 0
                end = values[-1] if over else integrator.time
                y1 = problem.outputs[-1] if over else field.to_state(integrator.y)
                inside = integrator.inside(before)
                problem.kept.append(HostStep(before, end - before, field.to_state(y0), y1, inside, field))
