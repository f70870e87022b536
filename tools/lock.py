"""Writes the lock files in ``requirements/``: ``make lock``.

uv resolves ``pyproject.toml`` with the versions of ``constraints.txt`` for all platforms, and lists the SHA-256 of
every file that the package index has of each version. ``torch.txt`` has torch with the GPU libraries that its builds in
the index need; ``torch-cpu.txt`` has a build that needs none.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "requirements"
PYTHON_VERSION = "3.11"
"""The oldest supported version; the markers cover newer ones."""
_EXTRAS = {"papers": ("serve", "fetch", "browse"), "dev": ("dev",)}
"""The extras that each lock file installs."""
_BUILD_TOOL = "setuptools"
"""Builds ``papers-search`` itself, without an environment of its own whose packages no lock file would cover."""
_CPU_BUILDS = {"2.13.0": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}
"""SHA-256 of the CPU build of torch for CPython 3.11 on x86-64 Linux, which ``make test`` runs with, by version."""
_GPU_LIBRARY = re.compile(r"(nvidia-|cuda-|triton$)")
_HEADER = "# Written by `make lock` from pyproject.toml and constraints.txt.\n--only-binary :all:\n"


def main() -> None:
    """Writes all lock files."""
    FOLDER.mkdir(exist_ok=True)
    for name, extras in _EXTRAS.items():
        blocks = resolve(extras)
        torch = [each for each in blocks if each == "torch" or _GPU_LIBRARY.match(each)]
        _write(name, [block for each, block in blocks.items() if each not in torch])
    _write("torch", [blocks[each] for each in torch])
    _write("torch-cpu", [_cpu_build(blocks["torch"])])


def resolve(extras: Iterable[str]) -> dict[str, str]:
    """Resolves the dependencies of extras; returns the lines of each package by its name.

    Raises:
        SystemExit: uv found no solution; it has printed why.
    """
    command = [
        "uv", "pip", "compile", "--no-config", "--universal", f"--python-version={PYTHON_VERSION}", "--quiet",
        "--generate-hashes", "--no-strip-extras", "--no-annotate", "--no-header",
        *(f"--extra={each}" for each in extras), "--constraints=constraints.txt", "pyproject.toml", "-",
    ]  # fmt: skip
    done = subprocess.run(command, input=_BUILD_TOOL, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)
    blocks = re.split(r"^(?=\S)", done.stdout, flags=re.MULTILINE)
    return {block.partition("==")[0].partition("[")[0]: block for block in blocks if block.strip()}


def _cpu_build(block: str) -> str:
    """The lines of the CPU build of the same version of torch."""
    version = block.partition("==")[2].split()[0]
    if version not in _CPU_BUILDS:
        sys.exit(f"invalid torch=={version}: its CPU build is unknown; add its SHA-256 (pip hash FILE) to {__file__}")
    return f"torch=={version}+cpu --hash=sha256:{_CPU_BUILDS[version]}\n"


def _write(name: str, blocks: list[str]) -> None:
    (FOLDER / f"{name}.txt").write_text(_HEADER + "".join(blocks), "utf-8")


if __name__ == "__main__":
    main()
