"""Export: the default model turned once into an OpenVINO network, and kept.

Tokens in, unit vectors out: mean pooling and normalisation are part of the network. The export lies in a cache
folder named after everything that decides it, with a checksum of each file; it is made in a process of its own, so
that neither torch nor its memory stay with the one that asked. The int8 network is made from the float one by
``search.embedding.quantize``, in a process of its own as well.
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
from search.embedding.model import DEFAULT_MODEL, WEIGHTS_SHA256, weights_sha256
from search.errors import ModelUnavailable
from search.files import sha256_of

_NETWORK_VERSION = 1
"""Raised when the exported network changes."""
_FILES = ("model.xml", "model.bin", "tokenizer.json")


def ensure_exported(model: Path, precision: str = "float") -> Path:
    """The folder of the exported default model, made if it is not there yet.

    The packaged weights are checked in full when they are exported, the export's own files each time.

    Args:
        model: the folder of the packaged model. precision: one of ``search.embedding.model.PRECISIONS``.

    Raises:
        ModelUnavailable: the weights are not the ones named, the export failed, or nncf is needed and missing.
    """
    folder = export_folder(precision)
    if not is_intact(folder):
        _create_export(model, folder, precision)
    return folder


def export_folder(precision: str = "float") -> Path:
    """Where the exported default model lies, or will."""
    made_with = f"ov{version('openvino')}-{_NETWORK_VERSION}"
    if precision != "float":
        made_with += f"-{precision}-nncf{quantize.NNCF_VERSION}-{quantize.CALIBRATION_SHA256[:12]}"
    return cache_folder() / f"{DEFAULT_MODEL.lower()}-{WEIGHTS_SHA256[:12]}-{made_with}"


def cache_folder() -> Path:
    """$PAPERS_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PAPERS_CACHE") or Path(base) / "papers")


def is_intact(folder: Path) -> bool:
    """Whether the export is there, each file with its checksum."""
    try:
        sums = json.loads((folder / "sha256.json").read_text("utf-8"))
        return all(sha256_of(folder / name) == sums[name] for name in {*_FILES, *sums})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _create_export(model: Path, folder: Path, precision: str) -> None:
    """Makes it in a folder aside, then renames that; of two that do so at once the last one stands."""
    if precision == "float":
        _check_weights(model)
        source, module = model, "search.embedding.export"
    else:
        quantize.check_can_quantize()
        source, module = ensure_exported(model), "search.embedding.quantize"
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".export-", dir=folder.parent))
    try:
        _run_child(module, source, aside)
        shutil.copyfile(model / "tokenizer.json", aside / "tokenizer.json")
        sums = {path.name: sha256_of(path) for path in sorted(aside.iterdir())}
        (aside / "sha256.json").write_text(json.dumps(sums), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            aside.rename(folder)
        except OSError:  # another process was first
            if not is_intact(folder):
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_weights(model: Path) -> None:
    seen = weights_sha256(model)
    if seen != WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"the weights in {model} have the sha256 {seen}, those of {DEFAULT_MODEL} have {WEIGHTS_SHA256}; "
            "install the package again"
        )


def _run_child(module: str, source: Path, target: Path) -> None:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "CI": "1",  # OpenVINO's converter sends usage statistics anywhere else
        "NNCF_CI": "1",  # and so does nncf
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    child = subprocess.run(  # noqa: S603  our own interpreter and module
        [sys.executable, "-m", module, str(source), str(target)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        last = child.stderr.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise ModelUnavailable(f"{DEFAULT_MODEL} could not be made ready for OpenVINO ({module}): {last[0]}")


def _export_network(model: Path, target: Path) -> None:
    import openvino
    import torch
    from transformers import AutoModel

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(model).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=1)

    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    shapes = [(name, [-1, -1], openvino.Type.i64) for name in example]
    with torch.no_grad():
        network = openvino.convert_model(Network(), example_input=example, input=shapes)
    openvino.save_model(network, target / "model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    _export_network(Path(sys.argv[1]), Path(sys.argv[2]))
