"""Export: converts a built-in model to an OpenVINO network and caches it.

A network maps tokens to unit vectors (``search.embedding.network``, and ``search.embedding.quantize`` for int8). Each
export has its own cache folder, named after everything that determines the network, with a checksum per file. A child
process exports, so that its memory, and torch where it is needed, do not stay in the calling process.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from search.embedding import quantize
from search.embedding.model import BuiltInModel
from search.errors import ModelUnavailable
from search.files import cache_folder, sha256_of

_NETWORK_VERSION = 2
"""Increases with every change to the exported networks."""
_FILES = ("model.xml", "model.bin", "tokenizer.json")


def ensure_exported(model: BuiltInModel, precision: str = "float") -> Path:
    """Returns the folder of an exported model, and exports it if necessary.

    The checksum of the weights is verified when they are exported, those of the exported files every time.

    Args:
        model: the model.
        precision: one of its precisions.

    Raises:
        ModelUnavailable: the model is not installed, its weights or the papers that int8 is calibrated on have another
            checksum, or the export failed.
    """
    folder = export_folder(model, precision)
    if not is_intact(folder):
        _create_export(model, folder, precision)
    return folder


def export_folder(model: BuiltInModel, precision: str = "float") -> Path:
    """Returns the folder of an exported model, whether it exists or not."""
    variant = f"ov{version('openvino')}-{_NETWORK_VERSION}-{quantize.CALIBRATION_SHA256[:12]}-{precision}"
    return cache_folder() / f"{model.name.lower()}-{model.weights_sha256[:12]}-{variant}"


def is_intact(folder: Path) -> bool:
    """Returns whether the export exists and every file has its checksum."""
    try:
        checksums = json.loads((folder / "sha256.json").read_text("utf-8"))
        return all(sha256_of(folder / name) == checksums[name] for name in {*_FILES, *checksums})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _create_export(model: BuiltInModel, folder: Path, precision: str) -> None:
    """Exports to a temporary folder and renames it; of two simultaneous exports, the last one replaces the other."""
    model.check_weights()
    quantize.check_calibration()
    module = "search.embedding.network" if precision == "float" else "search.embedding.quantize"
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".export-", dir=folder.parent))
    try:
        _run_child(module, model.folder(), temporary)
        shutil.copyfile(model.tokenizer_file(), temporary / "tokenizer.json")
        checksums = {path.name: sha256_of(path) for path in sorted(temporary.iterdir())}
        (temporary / "sha256.json").write_text(json.dumps(checksums), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            temporary.rename(folder)
        except OSError:  # another process renamed its export first
            if not is_intact(folder):
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _run_child(module: str, source: Path, target: Path) -> None:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "CI": "1",  # otherwise OpenVINO's converter sends usage statistics
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    child = subprocess.run(  # noqa: S603  this interpreter and a module of this package
        [sys.executable, "-m", module, str(source), str(target)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        last_line = child.stderr.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise ModelUnavailable(f"{source} cannot be converted for OpenVINO ({module}): {last_line[0]}")
