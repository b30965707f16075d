"""Compiled code is found by its guards, and only where they hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.solvers.compiled_graph import BoundGraph, CompiledFunction


class Scaled(nn.Module):
    """Holds a parameter and a plain number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 3.0]))
        self.shift = 1.0


def scaled(subject: Any, x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
    return (x * subject.weight + subject.shift + sum(rest),)


def test_guards_that_hold_spare_the_compilers_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    function, subject, x = CompiledFunction(scaled), Scaled(), torch.tensor([1.0, -1.0])
    with torch.no_grad():
        function.bind(subject, x, x)
        asked: list[object] = []
        checked = function._checked

        def counted(*arguments: Any) -> Any:
            asked.append(arguments)
            return checked(*arguments)

        monkeypatch.setattr(function, "_checked", counted)
        (found,), bound = function.bind(subject, 2 * x, x)
        assert isinstance(bound, BoundGraph)
        assert not asked
        torch.testing.assert_close(found, torch.tensor([6.0, -6.0]))
        # A parameter that is another object is an input like any other, and is read anew.
        subject.weight = nn.Parameter(torch.tensor([5.0, 7.0]))
        (found,), other = function.bind(subject, 2 * x, x)
        assert not asked
        torch.testing.assert_close(found, torch.tensor([12.0, -14.0]))
        assert isinstance(other, BoundGraph)
        assert other.token != bound.token
        torch.testing.assert_close(other(x, x)[0], torch.tensor([7.0, -7.0]))
        # A number is not: the code that has it as a constant is not found.
        subject.shift = 0.0
        torch.testing.assert_close(function.bind(subject, 2 * x, x)[0][0], torch.tensor([11.0, -15.0]))
        assert len(asked) == 1
        # Nor for another shape, another dtype or another number of arguments.
        torch.testing.assert_close(function.bind(subject, x)[0][0], torch.tensor([5.0, -7.0]))
        assert len(asked) == 2
    # Nor where autograd records.
    (recorded,), _ = function.bind(subject, x)
    assert len(asked) == 3
    assert recorded.requires_grad
