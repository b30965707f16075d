"""Experiments and libraries, found by walking packages that are named by strings and by entry points.

Nothing has to be installed: a package on the module path is enough. Third parties register classes under the entry
points ``depthmark.experiments`` and ``depthmark.libraries``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import re
from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from suite.declarations import PROFILES, Experiment, Library, Settings
from suite.harness.errors import RegistryError

EXPERIMENT_PACKAGES: tuple[str, ...] = ("suite.experiments", "reference.crosschecks")
LIBRARY_PACKAGES: tuple[str, ...] = ("reference.libraries",)

_ID = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_.-]*")
_VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=-]*")  # becomes part of a file name


def experiments(packages: Sequence[str] = EXPERIMENT_PACKAGES) -> dict[str, Experiment]:
    """Return every registered experiment by its id, sorted.

    Args:
        packages: Packages to walk; one that does not exist is left out.

    Raises:
        RegistryError: When a module cannot be imported, or a class is declared wrongly, or two share an id.
    """
    found: dict[str, Experiment] = {}
    for declared in _discover(Experiment, tuple(packages), "depthmark.experiments"):
        _check_experiment(declared)
        _add(found, declared.id, declared())
    return dict(sorted(found.items()))


def libraries(packages: Sequence[str] = LIBRARY_PACKAGES) -> dict[str, Library]:
    """Return every registered ODE library by its name, sorted.

    A library that is listed may still be missing: its ``version()`` says so.

    Raises:
        RegistryError: When a module cannot be imported, or a class is declared wrongly, or two share a name.
    """
    found: dict[str, Library] = {}
    for declared in _discover(Library, tuple(packages), "depthmark.libraries"):
        _check_declared(declared, ("name", "methods", "gradients"))
        _add(found, declared.name, declared())
    return dict(sorted(found.items()))


def _add(found: dict[str, Any], name: str, entry: object) -> None:
    if name in found:
        first, second = (type(each).__module__ for each in (found[name], entry))
        raise RegistryError(f"{name!r} is registered twice, in {first} and in {second}")
    found[name] = entry


@cache
def _discover(base: type[Any], packages: tuple[str, ...], group: str) -> tuple[type[Any], ...]:
    found = [entry for package in packages for module in _modules(package) for entry in _declared_in(module, base)]
    for entry_point in importlib.metadata.entry_points(group=group):
        try:
            entry = entry_point.load()
        except Exception as error:
            raise RegistryError(f"entry point {entry_point.name!r} of {group} cannot be loaded: {error}") from error
        if not (inspect.isclass(entry) and issubclass(entry, base)):
            raise RegistryError(f"entry point {entry_point.name!r} of {group} is no {base.__name__} class: {entry!r}")
        found.append(entry)
    return tuple(dict.fromkeys(found))


def _modules(package: str) -> Iterator[ModuleType]:
    try:
        root = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{package}.".startswith(f"{error.name}."):
            return  # the package is not part of this installation
        raise RegistryError(f"cannot import {package}: {error}") from error
    yield root
    for entry in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=_refuse):
        try:
            yield importlib.import_module(entry.name)
        except Exception as error:
            raise RegistryError(f"cannot import {entry.name}: {type(error).__name__}: {error}") from error


def _refuse(package: str) -> None:
    raise RegistryError(f"cannot import {package}, which should hold registered classes")


def _declared_in(module: ModuleType, base: type[Any]) -> Iterator[type[Any]]:
    for _, entry in inspect.getmembers(module, inspect.isclass):
        if issubclass(entry, base) and entry.__module__ == module.__name__ and not inspect.isabstract(entry):
            yield entry


def _check_declared(declared: type[Any], attributes: Sequence[str]) -> None:
    for attribute in attributes:
        if not hasattr(declared, attribute):
            raise RegistryError(f"{declared.__module__}.{declared.__qualname__} does not declare {attribute!r}")


def _check_experiment(declared: type[Experiment]) -> None:
    _check_declared(declared, ("id", "title", "variants", "profiles", "headline", "paper_cost"))
    where = f"{declared.__module__}.{declared.__qualname__}"
    if not _ID.fullmatch(declared.id):
        raise RegistryError(f"{where} has the id {declared.id!r}, which is not of the form 'paper/artefact'")
    if not declared.variants or len(set(declared.variants)) != len(declared.variants):
        raise RegistryError(f"{where} needs at least one variant, each named once")
    for variant in declared.variants:
        if not _VARIANT.fullmatch(variant):
            raise RegistryError(f"{where} has a variant {variant!r}, which cannot be part of a file name")
    if unknown := [variant for variant in declared.alone if variant not in declared.variants]:
        raise RegistryError(f"{where} runs {unknown[0]!r} alone, which is no variant of it")
    if not declared.profiles:
        raise RegistryError(f"{where} declares no profile")
    for profile, settings in declared.profiles.items():
        if profile not in PROFILES:
            raise RegistryError(f"{where} has a profile {profile!r}; the profiles are {', '.join(PROFILES)}")
        if not isinstance(settings, Settings):
            raise RegistryError(f"{where} has a profile {profile!r} that is not made of Settings")
