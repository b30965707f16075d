"""A syntax tree written out so that equal programs read equal, whatever version of Python parsed them."""

from __future__ import annotations

import ast

_LEFT_OUT = frozenset({"type_comment", "type_params", "kind"})
"""Fields that say nothing of what a program computes, or that some versions lack."""


def normal_form(tree: ast.AST) -> str:
    """Return the tree's nodes with their fields in order, without comments, docstrings, interfaces and positions.

    An interface is a protocol whose members have no bodies: it says what others may call and computes nothing.

    Empty fields are left out: versions of Python differ in which of them they have. ``ast.unparse`` and ``ast.dump``
    are not used, because they write the same tree differently from version to version.
    """
    return _node(_without_interfaces(_without_docstrings(tree)))


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


def _without_interfaces(tree: ast.AST) -> ast.AST:
    """Remove protocols that only list what may be called; one that is decorated may be asked about at run time."""
    if isinstance(tree, ast.Module):
        tree.body = [each for each in tree.body if not _is_interface(each)] or [ast.Pass()]
    return tree


def _is_interface(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ClassDef)
        and not node.decorator_list
        and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
        and all(isinstance(each, ast.FunctionDef) and _is_empty(each.body) for each in node.body)
    )


def _is_empty(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(each, ast.Pass)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) and each.value.value is ...)
        for each in body
    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
