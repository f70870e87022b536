"""Kinds: what a paper is or offers, such as a survey or code (``search.papers.kind_rules``)."""

import difflib
from collections.abc import Mapping
from typing import Literal, get_args

from search.errors import InvalidValue

Kind = Literal["survey", "dataset", "benchmark", "method", "theory", "negative", "code", "data", "withdrawn"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, in the order in which they are listed."""

KIND_MEANINGS: Mapping[Kind, str] = {
    "survey": "reviews the literature of a topic",
    "dataset": "introduces a dataset or a corpus",
    "benchmark": "introduces a benchmark",
    "method": "introduces a method, a model or a system",
    "theory": "proves results",
    "negative": "reports a negative result, perhaps among others",
    "code": "offers its code",
    "data": "offers its data",
    "withdrawn": "was withdrawn by the authors or the archive",
}
"""What is said of a paper of each kind."""

KIND_LABELS: Mapping[Kind, str] = {
    "survey": "Survey",
    "dataset": "New dataset",
    "benchmark": "New benchmark",
    "method": "New method",
    "theory": "Theory",
    "negative": "Negative result",
    "code": "Code available",
    "data": "Data available",
    "withdrawn": "Withdrawn",
}
"""What people read in place of the name."""

_OTHER_NAMES: Mapping[str, Kind] = {
    "review": "survey",
    "overview": "survey",
    "corpus": "dataset",
    "proof": "theory",
    "theorem": "theory",
    "algorithm": "method",
    "model": "method",
    "software": "code",
    "null": "negative",
    "retracted": "withdrawn",
}
"""Words that users may try, and the kind to suggest."""


def parse_kind(text: str) -> Kind:
    """Parses the name of a kind, in any case.

    Raises:
        InvalidValue: there is no such kind; suggests the nearest.
    """
    name = text.strip().lower()
    for kind in KINDS:
        if name == kind:
            return kind
    near = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else difflib.get_close_matches(name, KINDS, n=1)
    hint = f"did you mean {near[0]}? The" if near else "the"
    raise InvalidValue("kind", text, f"{hint} kinds are {', '.join(KINDS)}")
