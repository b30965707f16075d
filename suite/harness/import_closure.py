"""The modules that some modules import, directly or not, found in their sources without importing them."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_OWN_PACKAGES = ("suite", "reference")


def import_closure(modules: Iterable[str]) -> dict[str, ast.Module]:
    """Return the syntax trees of some modules and of all that these import, within our own packages and theirs.

    A package whose ``__init__`` only passes names on counts for the names that are asked of it: a name taken from it
    leads to the module that defines it, so that another name beside it is nobody else's business.

    Raises:
        ModuleNotFoundError: When one of them has no source file.
    """
    modules = list(modules)
    roots = {*_OWN_PACKAGES, *(name.partition(".")[0] for name in modules)}
    for name in modules:
        if _source(name) is None:
            raise ModuleNotFoundError(f"no source file of the module {name} was found")
    trees: dict[str, ast.Module] = {}
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        trees[name] = _parse(name)
        targets = {target for each in _imports_of(trees[name], _package(name)) for target in _targets(each)}
        found = {each for target in (name, *targets) for each in (*_parents(target), target)}
        waiting |= {
            each
            for each in found - trees.keys()
            if each.partition(".")[0] in roots
            and _source(each) is not None
            and (each in targets or _passed_on(each) is None)
        }
    return trees


@dataclass(frozen=True)
class _Import:
    """``import module``, where the name is empty, or ``from module import name``."""

    module: str
    name: str = ""


def _targets(imported: _Import) -> Iterator[str]:
    """Yield the module that an import needs: the one that defines the name, past packages that only pass it on."""
    module, name = imported.module, imported.name
    if name and _source(f"{module}.{name}") is not None:
        yield f"{module}.{name}"
        return
    passed_on = _passed_on(module) if name else None
    if passed_on is not None and name in passed_on:
        yield from _targets(passed_on[name])
    else:
        yield module


@cache
def _passed_on(package: str) -> dict[str, _Import] | None:
    """Return where the names of a package come from whose ``__init__`` only passes names on; None for other modules.

    An import that is not listed in ``__all__`` is there for what it does: the package is not one of these.
    """
    path = _source(package)
    if path is None or path.name != "__init__.py":
        return None
    public: set[str] = set()
    names: dict[str, _Import] = {}
    for node in ast.parse(path.read_bytes()).body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.ImportFrom(module="__future__"):
                pass
            case ast.ImportFrom():
                base = _base(node, package)
                names |= {alias.asname or alias.name: _Import(base, alias.name) for alias in node.names}
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                public = {str(each.value) for each in elements if isinstance(each, ast.Constant)}
            case _:
                return None
    return names if names.keys() <= public else None


@cache
def _imports_of(tree: ast.Module, package: str) -> frozenset[_Import]:
    return frozenset(_imports(tree, package))


def _imports(tree: ast.Module, package: str) -> Iterator[_Import]:
    """Yield what the import statements anywhere in a module ask for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield from (_Import(base, alias.name) for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    levels = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*levels, *([node.module] if node.module else [])])


def _parents(name: str) -> Iterator[str]:
    """Yield the packages around a module, but not the outermost.

    That one re-exports the public interface: following it would tie every experiment to all solvers and gradients.
    """
    parts = name.split(".")
    yield from (".".join(parts[:depth]) for depth in range(2, len(parts)))


def _package(name: str) -> str:
    path = _source(name)
    return name if path is not None and path.name == "__init__.py" else name.rpartition(".")[0]


def _parse(name: str) -> ast.Module:
    path = _source(name)
    assert path is not None, name
    return _parsed(path.read_bytes())


@cache  # most modules are in the closures of many experiments
def _parsed(source: bytes) -> ast.Module:
    return ast.parse(source)


@cache
def _locations(root: str) -> tuple[Path, ...]:
    spec = importlib.util.find_spec(root)
    if spec is None:
        return ()
    if spec.submodule_search_locations is None:
        return (Path(spec.origin),) if spec.origin else ()
    return tuple(Path(location) for location in spec.submodule_search_locations)


def _source(name: str) -> Path | None:
    root, _, rest = name.partition(".")
    for location in _locations(root):
        if location.is_file():
            return None if rest else location
        stem = location.joinpath(*rest.split(".")) if rest else location
        for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if path.is_file() and (rest or path.name == "__init__.py"):
                return path
    return None
