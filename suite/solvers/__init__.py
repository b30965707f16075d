"""Integrate ordinary differential equations: tableaus as data, steppers, step-size control, dense output."""

from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import (
    EventNotFoundError,
    InconsistentTableauError,
    IntegrationError,
    InvalidProblemError,
    InvalidTypeError,
    NonFiniteError,
    SolverError,
    StepLimitError,
    StepUnderflowError,
    UnknownMethodError,
)
from suite.solvers.implicit.method import ImplicitMethod
from suite.solvers.implicit.newton import StageEquationError
from suite.solvers.implicit.tableau import ImplicitTableau
from suite.solvers.method import ExplicitRungeKutta, GridMethod, Method
from suite.solvers.methods import METHODS, MethodName, explicit_methods, find, register
from suite.solvers.odeint import odeint, odeint_dense
from suite.solvers.per_sample.solve import PerSampleSolution, solve_per_sample
from suite.solvers.per_sample.statistics import SampleStatistics
from suite.solvers.solution import Interpolant, Solution, Statistics
from suite.solvers.solve import solve
from suite.solvers.tableau import ButcherTableau
from suite.solvers.tableaus import alpha_family
from suite.solvers.vector_field import CountedField

__all__ = [
    "METHODS",
    "ButcherTableau",
    "CountedField",
    "Differentiation",
    "EventNotFoundError",
    "ExplicitRungeKutta",
    "GridMethod",
    "ImplicitMethod",
    "ImplicitTableau",
    "InconsistentTableauError",
    "IntegrationError",
    "Interpolant",
    "InvalidProblemError",
    "InvalidTypeError",
    "Method",
    "MethodName",
    "NonFiniteError",
    "PerSampleSolution",
    "SampleStatistics",
    "Solution",
    "SolverError",
    "StageEquationError",
    "Statistics",
    "StepLimitError",
    "StepUnderflowError",
    "UnknownMethodError",
    "alpha_family",
    "explicit_methods",
    "find",
    "odeint",
    "odeint_dense",
    "register",
    "solve",
    "solve_per_sample",
]
