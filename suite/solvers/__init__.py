"""Integrate ordinary differential equations: tableaus as data, steppers, step-size control, dense output."""

from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import (
    InconsistentTableauError,
    IntegrationError,
    InvalidProblemError,
    NonFiniteError,
    SolverError,
    StepLimitError,
    StepUnderflowError,
    UnknownMethodError,
)
from suite.solvers.method import ExplicitRungeKutta, GridMethod, Method
from suite.solvers.methods import METHODS, MethodName, explicit_methods, find, register
from suite.solvers.odeint import odeint, odeint_dense
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
    "ExplicitRungeKutta",
    "GridMethod",
    "InconsistentTableauError",
    "IntegrationError",
    "Interpolant",
    "InvalidProblemError",
    "Method",
    "MethodName",
    "NonFiniteError",
    "Solution",
    "SolverError",
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
]
