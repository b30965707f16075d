"""A digest of the code that a cell's numbers depend on, computed from the sources, without git.

It covers the modules that the experiment imports, directly or not, within ``suite``, ``reference`` and the experiment's
own package; those of the experiments whose models any of its variants needs; its data sets; and what the
harness adds to every number (meters and seeds). Comments, docstrings and layout do not count: the digest is over the
normalised syntax trees.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from suite.datasets import DATA_SETS
from suite.declarations import Cell, Experiment

_OWN_PACKAGES = ("suite", "reference")
_BEHIND_EVERY_NUMBER = ("suite.harness.meters", "suite.harness.seeds")


def cell_code(cell: Cell, registered: Mapping[str, Experiment]) -> str:
    """Return the digest of the code behind a cell, 64 hexadecimal digits.

    It is computed once per process, which keeps running the code it has imported.
    """
    return _cached_digest(tuple(sorted(_starting_modules(cell, registered))))


def code_digest(modules: Iterable[str]) -> str:
    """Return the digest of the import closure of some modules.

    Raises:
        ModuleNotFoundError: When one of them has no source file.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(_closure(modules).items()):
        digest.update(f"{name}\n{ast.unparse(_without_docstrings(tree))}\n".encode())
    return digest.hexdigest()


_cached_digest = cache(code_digest)


def _starting_modules(cell: Cell, registered: Mapping[str, Experiment]) -> set[str]:
    """Return the modules that an experiment starts from.

    Needs count of every variant, so that all cells of an experiment have one digest, and are judged and shown together.
    """
    modules = set(_BEHIND_EVERY_NUMBER)
    waiting, seen = [cell], {cell.experiment}
    while waiting:
        cell = waiting.pop()
        experiment = registered[cell.experiment]
        modules.add(type(experiment).__module__)
        for data_set in (DATA_SETS[name] for name in experiment.datasets if name in DATA_SETS):
            modules |= {type(each).__module__ for each in (data_set, DATA_SETS.get(data_set.stand_in, data_set))}
        needs = [spec for variant in experiment.variants for spec in experiment.needs(replace(cell, variant=variant))]
        for spec in needs:
            needed = registered.get(spec.experiment)
            if needed is None or spec.experiment in seen:
                continue
            seen.add(spec.experiment)
            settings = needed.profiles.get(cell.profile, cell.settings)
            waiting.append(replace(cell, experiment=spec.experiment, variant=spec.variant, settings=settings, data=()))
    return modules


def _closure(modules: Iterable[str]) -> dict[str, ast.Module]:
    modules = list(modules)
    roots = {*_OWN_PACKAGES, *(name.partition(".")[0] for name in modules)}
    trees: dict[str, ast.Module] = {}
    for name in modules:
        if _source(name) is None:
            raise ModuleNotFoundError(f"no source file of the module {name} was found")
    waiting = modules
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in trees or path is None:
            continue
        trees[name] = ast.parse(path.read_bytes())
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = {each for each in _imports(trees[name], package) if each.partition(".")[0] in roots}
        waiting.extend({each for found in (name, *imported) for each in (found, *_parents(found))} - trees.keys())
    return trees


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield every name that an import statement anywhere in the module may load as a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            levels = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*levels, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _parents(name: str) -> Iterator[str]:
    """Yield the packages around a module, but not the outermost.

    That one re-exports the public interface: following it would tie every experiment to all solvers and gradients.
    """
    parts = name.split(".")
    yield from (".".join(parts[:depth]) for depth in range(2, len(parts)))


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


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove every string that stands alone as a statement: docstrings of modules, classes, functions, attributes."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                setattr(node, field, [each for each in body if not _is_text(each)] or [ast.Pass()])
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
