"""A function of tensors compiled to one graph, and called without what a compiled function checks at every call.

``torch.compile`` checks at every call that nothing it relied on has changed. Inside one solve nothing does change, so
these checks are made at the first call of a solve, and the later ones go to the compiled graph itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from suite.solvers.compiled_guards import GuardedCode
from suite.solvers.errors import InvalidProblemError
from suite.solvers.lowering import LOWERINGS

_VARIANTS = 64  # compiled graphs of one function: shapes, dtypes and grad modes

Outputs = Sequence[Tensor]
Graph = Callable[..., Outputs]
Token = tuple[int, ...]
"""A compiled graph and the inputs of it that are no arguments, such as parameters."""


@dataclass(frozen=True)
class Places:
    """Where arguments and results of a function stand among the inputs and outputs of its graph.

    Attributes:
        arguments: Of every argument that the graph reads, its index and the input that it is.
        constants: The inputs that are no arguments, such as parameters.
        results: Of every result the output that it is; None where results and outputs are the same.
    """

    arguments: tuple[tuple[int, int], ...]
    constants: tuple[int, ...]
    results: tuple[int, ...] | None

    @classmethod
    def among(
        cls, arguments: Sequence[Tensor], inputs: Sequence[Any], results: Outputs, outputs: Outputs
    ) -> Places | None:
        """Find them at a call, where they are the same objects; None where a result is no output of the graph."""
        places = {id(value): place for place, value in enumerate(inputs)}
        read = [(index, places[id(value)]) for index, value in enumerate(arguments) if id(value) in places]
        known = {place for _, place in read}
        constants = [place for place in range(len(inputs)) if place not in known]
        made = {id(value): place for place, value in enumerate(outputs)}
        if any(id(result) not in made for result in results):
            return None
        found = [made[id(result)] for result in results]
        same = found == list(range(len(outputs)))
        return cls(tuple(read), tuple(constants), None if same else tuple(found))


class BoundGraph:
    """A compiled graph with all its inputs but the arguments of the function in place.

    Args:
        graph: The compiled graph.
        inputs: Its inputs at the call that bound it.
        places: Where arguments and results stand.

    Attributes:
        token: Which graph it is and with which inputs.
    """

    def __init__(self, graph: Graph, inputs: Sequence[Any], places: Places) -> None:
        # What keeps the compiler from looking into its own graph has no use outside of it, and costs 5 microseconds.
        self._graph: Graph = getattr(graph, "_torchdynamo_orig_callable", graph)
        self._inputs = list(inputs)
        self._arguments, self._results = places.arguments, places.results
        self.token: Token = (id(graph), *[id(inputs[place]) for place in places.constants])

    def __call__(self, *arguments: Tensor) -> Outputs:
        """Run the graph on other arguments of the same shapes, dtypes and need of gradients."""
        inputs = self._inputs
        for index, place in self._arguments:
            inputs[place] = arguments[index]
        outputs = self._graph(*inputs)
        return outputs if self._results is None else [outputs[place] for place in self._results]


@dataclass(eq=False)
class _Run:
    """The latest run of a graph.

    Attributes:
        graph: The compiled graph.
        places: Where arguments and results stand, once known.
        inputs: What it was given.
        outputs: What it has returned.
    """

    graph: Graph
    places: Places | None = None
    inputs: Sequence[Any] = ()
    outputs: Outputs = ()


class CompiledFunction:
    """A function of an object and tensors, compiled to one graph for every shape, dtype and grad mode.

    The object is an argument so that nothing compiled keeps it alive.

    Attributes:
        graphs: How many graphs were compiled.
    """

    def __init__(self, function: Callable[..., Outputs]) -> None:
        """Make ready to compile a function of ``(object, *tensors)``; it returns new tensors or changes those given."""
        if not isinstance(function, FunctionType):
            raise TypeError("only a plain function is compiled")
        # The compiler keeps its graphs with the code, which all functions made in one place share: a copy for each.
        own = FunctionType(
            function.__code__.replace(), function.__globals__, function.__name__, None, function.__closure__
        )
        self._checked = torch.compile(own, fullgraph=True, dynamic=False, backend=self._compile)
        self._guarded = GuardedCode(own)
        self._seen: set[tuple[Any, ...]] = set()
        self._last: _Run | None = None
        self.graphs = 0

    def bind(self, subject: Any, *arguments: Tensor) -> tuple[Outputs, Bound]:
        """Run the function, compiling it where need be; return its results and what runs it again without checks.

        Raises:
            InvalidProblemError: When it cannot be compiled.
        """
        # Objects of their own: the graph would take two arguments, or an argument and a constant of the field, for one
        # input if they happened to be one object at this call.
        arguments = tuple([value.view_as(value) for value in arguments])
        results = self._run(subject, arguments)
        last, self._last = self._last, None
        if last is None:
            raise TypeError("a compiled function runs its graph")
        if last.places is None:
            last.places = Places.among(arguments, last.inputs, results, last.outputs)
        # A result that the graph does not make, such as a constant, is known to the checked function alone.
        bound = CheckedCall(self, subject) if last.places is None else BoundGraph(last.graph, last.inputs, last.places)
        last.inputs = last.outputs = ()
        return results, bound

    def _run(self, subject: Any, arguments: tuple[Tensor, ...]) -> Outputs:
        """Run the function with all checks, compiling it where need be."""
        known = self._guarded.find(subject, *arguments)
        if known is not None:
            results: Outputs = known(subject, *arguments)
            return results
        kind = (torch.is_grad_enabled(), *[(value.shape, value.dtype, value.requires_grad) for value in arguments])
        # What is compiled anew for arguments of a kind that was seen before is a field that changes.
        limit = nullcontext() if kind in self._seen else torch._dynamo.config.patch(recompile_limit=_VARIANTS)
        try:
            with limit, warnings.catch_warnings():
                # The compiler looks at the gradients of all inputs, of which the state and its slope are no leaves.
                warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor")
                results = self._checked(subject, *arguments)
            self._seen.add(kind)
        except torch._dynamo.exc.FailOnRecompileLimitHit as problem:
            raise InvalidProblemError(
                "the vector field changes from solve to solve, as one that counts its evaluations in an attribute, "
                "and was compiled anew too often; count with CountedField or read Solution.statistics"
            ) from problem
        except (torch._dynamo.exc.TorchDynamoException, torch._inductor.exc.InductorError) as problem:
            raise InvalidProblemError(_sentence(problem)) from problem
        return results

    def _compile(self, graph: torch.fx.GraphModule, inputs: Sequence[Tensor]) -> Graph:
        """Compile a graph, and keep what each run takes and returns until it is bound."""
        from torch._inductor.compile_fx import compile_fx
        from torch._inductor.decomposition import select_decomp_table

        on_host = all(not isinstance(value, Tensor) or value.device.type == "cpu" for value in inputs)
        # A user may go backwards twice; and the cache does not know of the lowerings.
        with torch._functorch.config.patch(donated_buffer=False, enable_autograd_cache=False):
            compiled: Any = compile_fx(
                graph,
                list(inputs),
                config_patches={
                    "cpp_wrapper": on_host,
                    "cpp.enable_floating_point_contract_flag": "fast",
                    "triton.cudagraphs": False,  # recordings are the solvers' own
                },
                decompositions={**select_decomp_table(), **LOWERINGS},
            )
        self.graphs += 1
        latest = _Run(compiled)

        def run(*values: Any) -> Outputs:
            outputs: Outputs = compiled(*values)
            latest.inputs, latest.outputs = values, outputs
            self._last = latest
            return outputs

        return run

    def again(self, subject: Any, *arguments: Tensor) -> Outputs:
        """Run the function with all checks."""
        results = self._run(subject, arguments)
        if self._last is not None:
            self._last.inputs = self._last.outputs = ()
            self._last = None
        return results


class CheckedCall:
    """Runs a compiled function with all its checks, where its graph does not make every result.

    Attributes:
        token: None: nothing says that it is the same as at another solve.
    """

    token: None = None

    def __init__(self, function: CompiledFunction, subject: Any) -> None:
        self._function, self._subject = function, subject

    def __call__(self, *arguments: Tensor) -> Outputs:
        """Run the function."""
        return self._function.again(self._subject, *arguments)


Bound = BoundGraph | CheckedCall


def _sentence(problem: Exception) -> str:
    """Say in one sentence why a function could not be compiled."""
    text = str(problem)
    if "compiler" in text.lower() and "InvalidCxxCompiler" in text:
        return "compile=True needs a C++ compiler, and none was found; install g++ or leave compile=True out"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(problem).__name__)
    return f"the vector field cannot be compiled into one graph ({first}); change it or leave compile=True out"
