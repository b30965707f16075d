"""What the compiler made of a step, counted in the code that it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# The code declares and defines a kernel at the start of a line and calls it indented, as often as it runs. The
# compiler's own counter, generated_kernel_count, is of kernels before the last ones are fused, two more in dopri5.
_KERNEL = re.compile(r"^\s+cpp_\w+\(", re.MULTILINE)
_PRODUCT = re.compile(r"\baoti_torch_cpu_(?:mm|addmm|bmm|baddbmm)_out\(")


@dataclass(frozen=True)
class CodeCounts:
    """What one run of compiled code does on a CPU.

    Attributes:
        kernels: Fused elementwise kernels and reductions.
        products: Matrix products, each one call of the library of linear algebra.
    """

    kernels: int
    products: int

    @classmethod
    def of(cls, code: str) -> CodeCounts:
        """Count the calls in the C++ code of a graph."""
        return cls(len(_KERNEL.findall(code)), len(_PRODUCT.findall(code)))

    @classmethod
    def largest(cls, codes: Sequence[str]) -> CodeCounts:
        """Return the counts of the graph with most products: that of a step, or of most steps, in a solve."""
        return max((cls.of(code) for code in codes), key=lambda counts: (counts.products, counts.kernels))


@contextmanager
def compiled_code() -> Iterator[list[str]]:
    """Collect the code of every graph that is compiled, or taken from the compiler's cache, inside the context."""
    from torch._inductor.graph import GraphLowering

    codes: list[str] = []
    before = GraphLowering.save_output_code
    GraphLowering.save_output_code = codes.append
    try:
        yield codes
    finally:
        GraphLowering.save_output_code = before
