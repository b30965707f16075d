"""A function of tensors compiled to one graph, and called without what a compiled function checks at every call.

``torch.compile`` checks at every call that nothing it relied on has changed, which takes 20 microseconds; a step of a
small network takes 60. Inside one solve nothing does change, so these checks are made at the first call of a solve, and
the later ones go to the compiled graph itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from suite.solvers.errors import InvalidProblemError
from suite.solvers.lowering import LOWERINGS

_VARIANTS = 64  # compiled graphs of one function: shapes, dtypes and grad modes

Outputs = Sequence[Tensor]
Token = tuple[int, ...]
"""A compiled graph and the inputs of it that are no arguments, such as parameters."""


class BoundGraph:
    """A compiled graph with all its inputs but the arguments of the function in place.

    Args:
        graph: The compiled graph.
        inputs: Its inputs at the call that bound it.
        arguments: For every argument, the input that it is, or None where the graph does not read it.
        outputs: For every result of the function, the output that it is.

    Attributes:
        token: Which graph it is and with which inputs.
    """

    def __init__(
        self,
        graph: Callable[..., Sequence[Tensor]],
        inputs: Sequence[Any],
        arguments: Sequence[int | None],
        outputs: Sequence[int],
    ) -> None:
        # What keeps the compiler from looking into its own graph has no use outside of it, and costs 5 microseconds.
        self._graph = getattr(graph, "_torchdynamo_orig_callable", graph)
        self._inputs = list(inputs)
        self._arguments = [(index, place) for index, place in enumerate(arguments) if place is not None]
        places = set(arguments)
        constants = [id(value) for place, value in enumerate(inputs) if place not in places]
        self.token: Token = (id(graph), *constants)
        self._outputs = None if list(outputs) == list(range(len(outputs))) else list(outputs)

    def __call__(self, *arguments: Tensor) -> Sequence[Tensor]:
        """Run the graph on other arguments of the same shapes, dtypes and need of gradients."""
        inputs = self._inputs
        for index, place in self._arguments:
            inputs[place] = arguments[index]
        results = self._graph(*inputs)
        return results if self._outputs is None else [results[place] for place in self._outputs]


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
        self._seen: set[tuple[Any, ...]] = set()
        self._last: tuple[Callable[..., Sequence[Tensor]], tuple[Any, ...], Sequence[Tensor]] | None = None
        self.graphs = 0

    def bind(self, subject: Any, *arguments: Tensor) -> tuple[Outputs, Bound]:
        """Run the function, compiling it where need be; return its results and what runs it again without checks.

        Raises:
            InvalidProblemError: When it cannot be compiled.
        """
        # Objects of their own: the graph would take two arguments, or an argument and a constant of the field, for one
        # input if they happened to be one object at this call.
        arguments = tuple([value.view_as(value) for value in arguments])
        kind = (torch.is_grad_enabled(), *[(value.shape, value.dtype, value.requires_grad) for value in arguments])
        try:
            if kind in self._seen:
                results = self._checked(subject, *arguments)
            else:
                with (
                    torch._dynamo.config.patch(recompile_limit=_VARIANTS),
                    warnings.catch_warnings(),
                ):
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
        last, self._last = self._last, None
        if last is None:
            raise TypeError("a compiled function runs its graph")
        return results, self._bound(subject, arguments, results, *last)

    def _compile(self, graph: torch.fx.GraphModule, inputs: Sequence[Tensor]) -> Callable[..., Sequence[Tensor]]:
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

        def run(*values: Any) -> Sequence[Tensor]:
            outputs: Sequence[Tensor] = compiled(*values)
            self._last = compiled, values, outputs
            return outputs

        return run

    def _bound(
        self,
        subject: Any,
        arguments: tuple[Tensor, ...],
        results: Outputs,
        graph: Callable[..., Sequence[Tensor]],
        inputs: tuple[Any, ...],
        outputs: Sequence[Tensor],
    ) -> Bound:
        """Find arguments and results among the inputs and outputs of the graph: they are the same objects."""
        places = {id(value): place for place, value in enumerate(inputs)}
        found = {id(value): place for place, value in enumerate(outputs)}
        if any(id(result) not in found for result in results):
            # A result that the graph does not make, such as a constant: only the checked function knows it.
            return CheckedCall(self, subject)
        where = [places.get(id(argument)) for argument in arguments]
        return BoundGraph(graph, inputs, where, [found[id(result)] for result in results])

    def again(self, subject: Any, *arguments: Tensor) -> Outputs:
        """Run the function with all checks."""
        results: Outputs = self._checked(subject, *arguments)
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
