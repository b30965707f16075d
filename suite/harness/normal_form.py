"""A syntax tree written out so that equal programs read equal, whatever version of Python parsed them."""

from __future__ import annotations

import ast

_LEFT_OUT = frozenset({"type_comment", "type_params", "kind"})
"""Fields that say nothing of what a program computes, or that some versions lack."""


def normal_form(tree: ast.AST) -> str:
    """Return the tree's nodes with their fields in order, without comments, docstrings and positions.

    Empty fields are left out: versions of Python differ in which of them they have. ``ast.unparse`` and ``ast.dump``
    are not used, because they write the same tree differently from version to version.
    """
    return _node(_without_docstrings(tree))


def _node(node: ast.AST) -> str:
    fields = [
        f"{name}={_value(value)}"
        for name, value in ast.iter_fields(node)
        if name not in _LEFT_OUT and value is not None and value != []
    ]
    if isinstance(node, ast.Constant):  # whose None is a value
        fields = [f"value={type(node.value).__name__}:{node.value!r}"]
    return f"{type(node).__name__}({','.join(fields)})"


def _value(value: object) -> str:
    if isinstance(value, ast.AST):
        return _node(value)
    if isinstance(value, list):
        return f"[{','.join('None' if each is None else _value(each) for each in value)}]"
    return repr(value)


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """Remove every string that stands alone as a statement: docstrings of modules, classes, functions, attributes."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                setattr(node, field, [each for each in body if not _is_text(each)] or [ast.Pass()])
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
