"""A CUDA graph that repeats a recorded step for as long as the device says so."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from suite.solvers.graphs.recorder import NotCapturableError

BINDINGS = 13  # of cuda-bindings, whose signatures change with it, and of the driver
_FIRST_VALUE = 1  # of the condition at every launch: a step that is not to be taken ends the loop by itself

# The function that it calls is built into the driver, which puts it in when it loads the kernel.
_SET_CONDITION = b"""
extern "C" __device__ void cudaGraphSetConditional(unsigned long long handle, unsigned int value);

extern "C" __global__ void set_condition(unsigned long long handle, const double *goes_on)
{
    cudaGraphSetConditional(handle, *goes_on > 0.0);
}
"""


def require_loops() -> None:
    """Check that graphs with loops can be made.

    Raises:
        NotCapturableError: Where cuda-bindings, torch or the driver does not allow it.
    """
    try:
        from cuda import bindings
        from cuda.bindings import driver
    except ImportError:
        raise NotCapturableError(
            f"a loop on the device needs the package cuda-bindings {BINDINGS}: pip install 'depthmark[cuda]'"
        ) from None
    if int(bindings.__version__.partition(".")[0]) != BINDINGS:
        raise NotCapturableError(
            f"a loop on the device needs cuda-bindings {BINDINGS}, not {bindings.__version__}: "
            "pip install 'depthmark[cuda]'"
        )
    if not hasattr(torch.cuda.CUDAGraph, "raw_cuda_graph"):
        raise NotCapturableError(f"a loop on the device needs a newer torch than {torch.__version__}")
    version = _call(driver.cuDriverGetVersion)
    if version < 1000 * BINDINGS:
        raise NotCapturableError(
            f"a loop on the device needs a driver of CUDA {BINDINGS}, not {version // 1000}.{version % 1000 // 10}"
        )


class DeviceLoop:
    """Repeats a recorded step while a number is positive, without the host.

    A graph of one conditional node, whose body is the step and a kernel of one thread that looks at the number.

    Args:
        step: The recorded step, made with ``keep_graph=True``.
        goes_on: The number, double precision, on the device of the step.
    """

    def __init__(self, step: torch.cuda.CUDAGraph, goes_on: Tensor) -> None:
        from cuda.bindings import driver

        self._reads = step, goes_on  # in whose memory the loop works
        self._device = goes_on.device
        with torch.cuda.device(self._device):
            self._loop = _instantiated(step, goes_on)
        weakref.finalize(self, driver.cuGraphExecDestroy, self._loop)

    def launch(self) -> None:
        """Put the loop on the current stream.

        Raises:
            NotCapturableError: When CUDA refuses it.
        """
        from cuda.bindings import driver

        with torch.cuda.device(self._device):
            _call(driver.cuGraphLaunch, self._loop, driver.CUstream(torch.cuda.current_stream().cuda_stream))


def _instantiated(step: torch.cuda.CUDAGraph, goes_on: Tensor) -> Any:
    """Return the executable graph of a loop on the current device, where the step and the number lie."""
    from cuda.bindings import driver

    graph = _call(driver.cuGraphCreate, 0)
    try:
        context = _call(driver.cuCtxGetCurrent)
        handle = _call(
            driver.cuGraphConditionalHandleCreate, graph, context, _FIRST_VALUE, driver.CU_GRAPH_COND_ASSIGN_DEFAULT
        )
        loop = driver.CUgraphNodeParams()
        loop.type = driver.CUgraphNodeType.CU_GRAPH_NODE_TYPE_CONDITIONAL
        loop.conditional.handle = handle
        loop.conditional.type = driver.CUgraphConditionalNodeType.CU_GRAPH_COND_TYPE_WHILE
        loop.conditional.size = 1
        loop.conditional.ctx = context
        _call(driver.cuGraphAddNode, graph, None, None, 0, loop)
        body = loop.conditional.phGraph_out[0]
        taken = _call(driver.cuGraphAddChildGraphNode, body, None, 0, driver.CUgraph(step.raw_cuda_graph()))
        decision = driver.CUDA_KERNEL_NODE_PARAMS()
        decision.func = _set_condition(goes_on.device)
        decision.gridDimX = decision.gridDimY = decision.gridDimZ = 1
        decision.blockDimX = decision.blockDimY = decision.blockDimZ = 1
        decision.kernelParams = (int(handle), goes_on.data_ptr()), (ctypes.c_uint64, ctypes.c_void_p)
        _call(driver.cuGraphAddKernelNode, body, [taken], 1, decision)
        return _call(driver.cuGraphInstantiate, graph, 0)
    finally:
        driver.cuGraphDestroy(graph)


@cache
def _set_condition(device: torch.device) -> Any:
    """Return the kernel on a device, the current one; it stays loaded."""
    from cuda.bindings import driver

    major, minor = torch.cuda.get_device_capability(device)
    module = _call(driver.cuModuleLoadData, compiled_condition(f"sm_{major}{minor}"))
    return _call(driver.cuModuleGetFunction, module, b"set_condition")


def compiled_condition(architecture: str) -> bytes:
    """Return the kernel that sets the condition as a binary for an architecture, such as ``sm_90``.

    Raises:
        NotCapturableError: When it cannot be compiled.
    """
    from cuda.bindings import nvrtc

    program = _call(nvrtc.nvrtcCreateProgram, _SET_CONDITION, b"set_condition.cu", 0, [], [])
    try:
        _call(nvrtc.nvrtcCompileProgram, program, 1, [f"--gpu-architecture={architecture}".encode()])
        binary = bytes(_call(nvrtc.nvrtcGetCUBINSize, program))
        _call(nvrtc.nvrtcGetCUBIN, program, binary)  # into these bytes
        return binary
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _call(function: Callable[..., tuple[Any, ...]], *arguments: object) -> Any:
    """Return what a function of CUDA gives beside its status; None where it gives nothing.

    Raises:
        NotCapturableError: With the name of the error.
    """
    status, *found = function(*arguments)
    if status:
        raise NotCapturableError(f"{function.__name__} ends with {status.name}")
    return found[0] if found else None
