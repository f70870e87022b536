"""The inventory of the installed packages: a software bill of materials, and a table of their licences.

``make sbom`` writes the bill of materials in CycloneDX (version 1.6, JSON), ``make licences`` the table
``docs/licences.md``. Both contain what the packages state in their metadata, and depend on the environment alone.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = "papers-search"
_NAMESPACE = uuid.UUID("3b1d9d0e-63c5-5b0a-9a53-0d2a4e1c7f10")
"""Namespace of serial numbers (RFC 4122, version 5)."""
_MAX_LICENCE_LENGTH = 60
"""Length in characters from which the field License is a text, not a name."""
_GENERIC_CLASSIFIER = "OSI Approved"
_LICENCES_INTRODUCTION = """# Licences of the dependencies
`make licences` writes this table from the metadata of the installed packages. *Installed with* names the first of
`papers`, `serve` and `dev` that needs the package: `papers` is the command line alone.

| Package | Version | Licence | Installed with |
|---|---|---|---|
"""


def main(arguments: list[str]) -> None:
    """Prints the inventory that the argument names: ``sbom`` or ``licences``."""
    writers = {"sbom": sbom, "licences": licence_table}
    if len(arguments) != 1 or arguments[0] not in writers:
        sys.exit(f"invalid argument {' '.join(arguments)!r}: use one of {', '.join(writers)}")
    sys.stdout.write(writers[arguments[0]]())


def installed() -> dict[str, Distribution]:
    """The installed packages by canonical name, in order."""
    found = {canonicalize_name(each.name): each for each in distributions()}
    return dict(sorted(found.items()))


def sbom() -> str:
    """The bill of materials as JSON. The same environment always gives the same text."""
    packages = installed()
    project = packages.pop(canonicalize_name(PROJECT))
    components = [_component(name, each) for name, each in packages.items()]
    edges = {_reference(name, each): sorted(_dependencies(each, packages)) for name, each in packages.items()}
    edges[_reference(PROJECT, project)] = sorted(_dependencies(project, packages, _extras(project)))
    fields = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(components))}",
        "version": 1,
        "metadata": {"component": {**_component(PROJECT, project), "type": "application"}},
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": needed} for ref, needed in sorted(edges.items())],
    }
    return json.dumps(fields, indent=2) + "\n"


def licence_table() -> str:
    """The table of licences as Markdown."""
    packages = installed()
    project = packages.pop(canonicalize_name(PROJECT))
    sets = {
        "papers": _closure(project, packages, frozenset()),
        "serve": _closure(project, packages, frozenset({"serve"})),
        "dev": set(packages) - {"pip"},
    }
    rows = []
    for name, each in packages.items():
        if first := next((label for label, names in sets.items() if name in names), None):
            rows.append(f"| {each.name} | {each.version} | {licence(each)} | {first} |\n")
    return _LICENCES_INTRODUCTION + "".join(rows)


def licence(package: Distribution) -> str:
    """The licence that a package states: as an SPDX expression, by name, by classifier or in its licence file."""
    if expression := _field(package, "License-Expression"):
        return expression
    name = _field(package, "License")
    if name and "\n" not in name and len(name) < _MAX_LICENCE_LENGTH:
        return name.rpartition(" :: ")[2]
    stated = [each for each in package.metadata.get_all("Classifier") or () if each.startswith("License :: ")]
    classifiers = [each.rpartition(" :: ")[2] for each in stated]
    named = [each for each in classifiers if each != _GENERIC_CLASSIFIER]
    return " OR ".join(named) or _licence_of_file(package) or "not stated"


def _field(package: Distribution, name: str) -> str:
    """A field of the metadata; empty if absent."""
    return next(iter(package.metadata.get_all(name) or ()), "")


def _licence_of_file(package: Distribution) -> str:
    """The first line of the licence file."""
    for path in package.files or ():
        if re.match(r"licen[cs]e", path.name, re.IGNORECASE):
            return next((line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()), "")
    return ""


def _component(name: str, package: Distribution) -> dict[str, object]:
    expression = _field(package, "License-Expression")
    stated = {"expression": expression} if expression else {"license": {"name": licence(package)}}
    reference = _reference(name, package)
    return {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "licenses": [stated],
        "purl": reference,
    }


def _reference(name: str, package: Distribution) -> str:
    """The package URL."""
    return f"pkg:pypi/{name}@{package.version.replace('+', '%2B')}"


def _extras(package: Distribution) -> frozenset[str]:
    return frozenset(package.metadata.get_all("Provides-Extra") or ())


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yields what a package with these extras requires in this environment."""
    for text in package.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _dependencies(
    package: Distribution, packages: dict[str, Distribution], extras: frozenset[str] = frozenset()
) -> set[str]:
    names = {canonicalize_name(each.name) for each in _requirements(package, extras)}
    return {_reference(name, packages[name]) for name in names & packages.keys()}


def _closure(project: Distribution, packages: dict[str, Distribution], extras: frozenset[str]) -> set[str]:
    """The names of all packages that the project with these extras needs, directly or not."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(project, extras)]
    while waiting:
        package, wanted = waiting.pop()
        for requirement in _requirements(package, wanted):
            name, needed = canonicalize_name(requirement.name), frozenset(requirement.extras)
            if (name, needed) in seen:
                continue
            seen.add((name, needed))
            if name == canonicalize_name(PROJECT):
                waiting.append((project, needed))
            elif name in packages:
                waiting.append((packages[name], needed))
    return {name for name, _ in seen if name in packages}


if __name__ == "__main__":
    main(sys.argv[1:])
