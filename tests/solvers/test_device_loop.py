"""Loops on the device: how their graph is built, what is refused, and that the names of CUDA that it uses exist."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import solve
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs import choice, device_loop
from suite.solvers.graphs.device_loop import DeviceLoop, compiled_condition, require_loops
from suite.solvers.graphs.recorder import NotCapturableError, Work
from tests.solvers.tape_recorder import TapeRecorder

SIGNATURES = {
    "cuDriverGetVersion": [],
    "cuCtxGetCurrent": [],
    "cuGraphCreate": ["flags"],
    "cuGraphConditionalHandleCreate": ["hGraph", "ctx", "defaultLaunchValue", "flags"],
    "cuGraphAddNode": ["hGraph", "dependencies", "dependencyData", "numDependencies", "nodeParams"],
    "cuGraphAddChildGraphNode": ["hGraph", "dependencies", "numDependencies", "childGraph"],
    "cuGraphAddKernelNode": ["hGraph", "dependencies", "numDependencies", "nodeParams"],
    "cuGraphInstantiate": ["hGraph", "flags"],
    "cuGraphLaunch": ["hGraphExec", "hStream"],
    "cuGraphDestroy": ["hGraph"],
    "cuGraphExecDestroy": ["hGraphExec"],
    "cuModuleLoadData": ["image"],
    "cuModuleGetFunction": ["hmod", "name"],
}


class Calls:
    """Stands in for ``cuda.bindings.driver``: notes every call, and gives a handle of its own name."""

    CU_GRAPH_COND_ASSIGN_DEFAULT = "assign"
    CUgraphNodeType = SimpleNamespace(CU_GRAPH_NODE_TYPE_CONDITIONAL="conditional")
    CUgraphConditionalNodeType = SimpleNamespace(CU_GRAPH_COND_TYPE_WHILE="while")

    def __init__(self, version: int = 13000, failing: str = "") -> None:
        self.made: list[tuple[Any, ...]] = []
        self._given = {"cuDriverGetVersion": version, "cuGraphConditionalHandleCreate": 17}
        self._failing = failing

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> tuple[Any, ...]:
            self.made.append((name, *arguments))
            if name == self._failing:
                return SimpleNamespace(name="CUDA_ERROR_NOT_SUPPORTED"), None
            return 0, self._given.get(name, f"of {name}")

        call.__name__ = name
        return call

    def CUgraphNodeParams(self) -> Any:  # noqa: N802
        return SimpleNamespace(conditional=SimpleNamespace(phGraph_out=["body"]))

    def CUDA_KERNEL_NODE_PARAMS(self) -> Any:  # noqa: N802
        return SimpleNamespace()

    def CUgraph(self, handle: int) -> int:  # noqa: N802
        return handle

    def CUstream(self, handle: int) -> int:  # noqa: N802
        return handle

    def names(self) -> list[str]:
        return [name for name, *_ in self.made]

    def arguments(self, name: str) -> tuple[Any, ...]:
        (found,) = [arguments for called, *arguments in self.made if called == name]
        return tuple(found)


def install(monkeypatch: pytest.MonkeyPatch, driver: Calls, version: str = "13.0.3") -> Calls:
    bindings = SimpleNamespace(driver=driver, __version__=version)
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(bindings=bindings))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", driver)
    return driver


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a CPU pass for a device."""
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=23))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(device_loop, "compiled_condition", lambda architecture: architecture.encode())
    device_loop._set_condition.cache_clear()
    yield
    device_loop._set_condition.cache_clear()


class Step:
    """A recorded step."""

    def raw_cuda_graph(self) -> int:
        return 42


def loop(goes_on: Tensor) -> DeviceLoop:
    return DeviceLoop(Step(), goes_on)  # type: ignore[arg-type]


@pytest.mark.usefixtures("device")
def test_the_body_is_the_step_and_then_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = install(monkeypatch, Calls())
    goes_on = torch.zeros(3, dtype=torch.float64)[2]
    found = loop(goes_on)
    assert driver.arguments("cuGraphConditionalHandleCreate") == ("of cuGraphCreate", "of cuCtxGetCurrent", 1, "assign")
    *where, node = driver.arguments("cuGraphAddNode")
    assert where == ["of cuGraphCreate", None, None, 0]
    assert node.type == "conditional"
    assert (node.conditional.type, node.conditional.size, node.conditional.handle) == ("while", 1, 17)
    assert driver.arguments("cuGraphAddChildGraphNode") == ("body", None, 0, 42)
    *where, kernel = driver.arguments("cuGraphAddKernelNode")
    assert where == ["body", ["of cuGraphAddChildGraphNode"], 1]
    assert kernel.kernelParams[0] == (17, goes_on.data_ptr())
    assert driver.arguments("cuModuleLoadData") == (b"sm_90",)
    assert driver.names()[-2:] == ["cuGraphInstantiate", "cuGraphDestroy"]
    found.launch()
    assert driver.arguments("cuGraphLaunch") == ("of cuGraphInstantiate", 23)
    del found
    gc.collect()
    assert driver.arguments("cuGraphExecDestroy") == ("of cuGraphInstantiate",)


@pytest.mark.usefixtures("device")
def test_what_cuda_refuses_is_named_and_leaves_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = install(monkeypatch, Calls(failing="cuGraphAddChildGraphNode"))
    with pytest.raises(NotCapturableError, match="cuGraphAddChildGraphNode ends with CUDA_ERROR_NOT_SUPPORTED"):
        loop(torch.zeros((), dtype=torch.float64))
    assert driver.names()[-1] == "cuGraphDestroy"


def test_what_a_loop_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Step)
    install(monkeypatch, Calls())
    require_loops()
    install(monkeypatch, Calls(version=12080))
    with pytest.raises(NotCapturableError, match=r"needs a driver of CUDA 13, not 12\.8"):
        require_loops()
    install(monkeypatch, Calls(), version="12.9.4")
    with pytest.raises(NotCapturableError, match=r"needs cuda-bindings 13, not 12\.9\.4"):
        require_loops()
    install(monkeypatch, Calls())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    with pytest.raises(NotCapturableError, match="needs a newer torch than"):
        require_loops()


def test_without_the_package_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Decay(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -y

    class Bare(TapeRecorder):
        def capture_loop(self, work: Work, goes_on: Tensor) -> Work:
            require_loops()
            return super().capture_loop(work, goes_on)

    monkeypatch.setitem(sys.modules, "cuda", None)
    monkeypatch.setattr(choice, "recorder_for", lambda device: Bare(list))
    words = r"graph='loop' cannot record this solve: .*needs the package cuda-bindings 13: pip install"
    with torch.no_grad(), pytest.raises(InvalidProblemError, match=words):
        solve(Decay(), torch.ones(2), torch.tensor([0.0, 1.0]), graph="loop")


def test_the_names_that_are_used_exist() -> None:
    driver = pytest.importorskip("cuda.bindings.driver", reason="no cuda-bindings")
    for name, parameters in SIGNATURES.items():
        given = getattr(driver, name).__doc__.splitlines()[0].removeprefix(f"{name}(").removesuffix(")")
        # Of each, perhaps its type in C, its name, and perhaps its type in Python.
        found = [part.partition(":")[0].split()[-1].lstrip("*") for part in given.split(", ") if part]
        assert found == parameters
    params = driver.CUgraphNodeParams()
    params.type = driver.CUgraphNodeType.CU_GRAPH_NODE_TYPE_CONDITIONAL
    params.conditional.handle = driver.CUgraphConditionalHandle(17)
    params.conditional.type = driver.CUgraphConditionalNodeType.CU_GRAPH_COND_TYPE_WHILE
    params.conditional.size = 1
    params.conditional.ctx = driver.CUcontext(5)
    assert [int(body) for body in params.conditional.phGraph_out] == [0]
    assert int(params.conditional.handle) == 17
    kernel = driver.CUDA_KERNEL_NODE_PARAMS()
    assert {"func", "gridDimX", "gridDimY", "gridDimZ", "blockDimX", "blockDimY", "blockDimZ"} < set(dir(kernel))
    assert driver.CU_GRAPH_COND_ASSIGN_DEFAULT == 1


def test_the_kernel_calls_nothing_but_what_the_driver_has(monkeypatch: pytest.MonkeyPatch) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="no cuda-bindings")
    try:
        nvrtc.nvrtcVersion()
    except RuntimeError as missing:
        pytest.skip(f"no NVRTC: {missing}")
    for architecture in ("sm_80", "sm_90", "sm_100"):
        binary = compiled_condition(architecture)
        assert binary.startswith(b"\x7fELF")
        assert b"cudaGraphSetConditional" in binary
    # Its assembler knows that name, and refuses another that nothing defines.
    other = device_loop._SET_CONDITION.replace(b"cudaGraphSetConditional", b"cudaGraphSetAnything")
    monkeypatch.setattr(device_loop, "_SET_CONDITION", other)
    with pytest.raises(NotCapturableError, match="nvrtcCompileProgram ends with NVRTC_ERROR"):
        compiled_condition("sm_90")
