"""The lock files, the bill of materials and the table of licences cover every pinned dependency."""

import json
import re
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sample import ROOT
from tools import dependencies, lock

LOCKS = ("papers", "dev", "torch", "torch-cpu")


def pinned_versions() -> dict[str, str]:
    """The versions of ``constraints.txt`` by canonical name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def locked_blocks(name: str) -> dict[str, str]:
    """The lines of each package of a lock file by canonical name."""
    text = (lock.FOLDER / f"{name}.txt").read_text("utf-8")
    blocks = [block for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE) if not block.startswith("#")]
    return {canonicalize_name(re.split(r"[\[=]", block)[0]): block for block in blocks}


def locked_version(block: str) -> str:
    return block.partition("==")[2].split()[0].partition("+")[0]


def test_the_lock_files_have_each_pinned_version_with_hashes() -> None:
    locked = {**locked_blocks("dev"), **locked_blocks("torch")}
    pins = pinned_versions()
    assert {name: locked_version(locked[name]) for name in pins} == pins
    assert all("sys_platform" in block for name, block in locked.items() if name not in pins)  # of other platforms
    versions = {name: locked_version(block) for name, block in locked_blocks("papers").items()}
    assert versions.items() <= {name: locked_version(block) for name, block in locked.items()}.items()
    assert locked_version(locked_blocks("torch-cpu")["torch"]) == pins["torch"]


@pytest.mark.parametrize("name", LOCKS)
def test_each_line_of_a_lock_file_is_a_version_or_a_hash_and_names_no_host(name: str) -> None:
    text = (lock.FOLDER / f"{name}.txt").read_text("utf-8")
    assert text.startswith("# Written by `make lock`")
    assert "//" not in text
    for block in locked_blocks(name).values():
        requirement, *hashes = re.split(r"(?:\s|\\\n)+(?=--hash)", block.strip())
        assert re.fullmatch(r"==[\w.+]+", str(Requirement(requirement.rstrip(" \\")).specifier))
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}[ \\]*", each) for each in hashes)


def test_the_table_of_licences_has_every_pinned_dependency_and_what_it_states() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \| (papers|serve|dev) \|$", dependencies_page(), re.MULTILINE)
    versions = {canonicalize_name(name): version.partition("+")[0] for name, version, _, _ in rows}
    assert versions.items() >= pinned_versions().items()
    stated = {canonicalize_name(name): licence for name, _, licence, _ in rows}
    assert not {name for name, licence in stated.items() if licence == "not stated"}
    for package in distributions():
        name = canonicalize_name(package.name)
        if versions.get(name) == package.version:
            assert stated[name] == dependencies.licence(package)


def dependencies_page() -> str:
    return (ROOT / "docs" / "licences.md").read_text("utf-8")


def test_the_bill_of_materials_has_every_installed_package_once() -> None:
    bom = json.loads(dependencies.sbom())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom == json.loads(dependencies.sbom())
    references = [each["bom-ref"] for each in bom["components"]]
    assert references == sorted(set(references), key=references.index)
    installed = {(canonicalize_name(each.name), each.version) for each in distributions()}
    project = bom["metadata"]["component"]
    listed = {(canonicalize_name(each["name"]), each["version"]) for each in (*bom["components"], project)}
    assert listed == installed
    edges = {each["ref"]: each["dependsOn"] for each in bom["dependencies"]}
    assert edges.keys() == {*references, project["bom-ref"]}
    assert {needed for each in edges.values() for needed in each} <= set(references)
    assert any(each.startswith("pkg:pypi/numpy@") for each in edges[project["bom-ref"]])
    assert all(each["licenses"] for each in bom["components"])
