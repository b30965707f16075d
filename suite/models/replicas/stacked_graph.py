"""A vectorised function as a plain sequence of tensor operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

_aten = torch.ops.aten
_RESHAPES = (_aten.expand.default, _aten.view.default, _aten._unsafe_view.default)


def stacked_graph(function: Callable[..., Tensor], *arguments: Tensor) -> fx.GraphModule:
    """Return a function of tensors as the operations that it does, for arguments of these shapes and dtypes.

    ``torch.vmap`` decides anew at every call how each operation is done for a batch of modules, which takes ten times
    as long as the operations of a small network. What it decides depends on shapes alone, so it is written down once.
    Autograd follows the operations as it would follow the function.

    Args:
        function: Reads no value of a tensor on the host, and draws no random numbers.
        *arguments: Examples of its arguments.
    """
    with torch.no_grad():
        graph: fx.GraphModule = make_fx(function)(*(argument.detach() for argument in arguments))
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and _changes_nothing(node):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    for node in list(graph.graph.nodes):
        _join_product_and_sum(graph.graph, node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _changes_nothing(node: fx.Node) -> bool:
    """Return whether an operation gives its first argument back, as vectorisation makes many that do."""
    source = node.args[0] if node.args else None
    if not isinstance(source, fx.Node) or not _is_alike(node, source):
        return False
    if node.target in _RESHAPES:
        return True
    if node.target is _aten.permute.default:
        return list(node.args[1]) == list(range(len(node.args[1])))  # type: ignore[arg-type]
    return node.target is _aten.mul.Scalar and bool(node.args[1] == 1)


def _join_product_and_sum(graph: fx.Graph, node: fx.Node) -> None:
    """Make one operation of a batch of matrix products and the sum with a bias, as a linear layer is for one."""
    if node.target is not _aten.add.Tensor or node.kwargs:
        return
    bias, product = node.args
    if not (isinstance(bias, fx.Node) and isinstance(product, fx.Node)):
        return
    if product.target is not _aten.bmm.default or len(product.users) > 1 or not _is_alike(node, product):
        return
    with graph.inserting_before(node):
        joined = graph.call_function(_aten.baddbmm.default, (bias, *product.args))
    joined.meta = node.meta
    node.replace_all_uses_with(joined)
    graph.erase_node(node)


def _is_alike(one: fx.Node, other: fx.Node) -> bool:
    first, second = _value(one), _value(other)
    return first is not None and second is not None and (first.shape, first.dtype) == (second.shape, second.dtype)


def _value(node: fx.Node) -> Any:
    value = node.meta.get("val")
    return value if isinstance(value, Tensor) else None
