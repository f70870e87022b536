"""Manifest: what a collection has of one publication, in the collection of data.

``current`` names the version. Everything of a version has names of its own, so that a reader finds the old state or the
new one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import orjson

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing
from search.milvus.data import DataStore
from search.milvus.schema import FORMAT
from search.milvus.segments import Segment

CURRENT = "current"
"""Name of the datum that names the version."""
_ENTRIES_PER_BUCKET = 2_500
"""Largest mean number of counts of a bucket in format 1."""


@dataclass(frozen=True, slots=True)
class CollectionManifest:
    """The contents of one publication.

    Attributes:
        version: its number, from 1.
        generation: its name.
        model: identity of the model that made the vectors.
        rows: papers with this row or a later one are not part of it.
        papers: number of papers.
        lengths: number of terms of all papers in each field of ``search.index.term_postings``.
        segments: where the document frequencies and the names of authors are, the largest segment first.
        next_segment: the number of the next segment; no segment of this publication or an earlier one has it.
        replaced: the segments of the publication before that this one has merged, whose data its readers still need.
        categories: number of papers of each category code and archive, in order of first appearance.
        sources: names of the sources.
        cited: number of papers with a citation count.
        newest_added: the time at which the last papers were added, in seconds since 1970; 0 if it is not known.
        days: first and last day of publication and of the last update (``search.columns.dates.NO_DAY`` without any).
        calibration: ``Calibration.to_json``; None without it.
        applied: the batches that it includes, whose data is to be deleted.
        extra: what an importer keeps about the collection, such as the decisions of a user.
    """

    version: int
    generation: str
    model: ModelIdentity
    rows: int
    papers: int
    lengths: tuple[int, int, int]
    segments: tuple[Segment, ...]
    next_segment: int
    replaced: tuple[Segment, ...]
    categories: Mapping[str, int]
    sources: tuple[str, ...]
    cited: int
    newest_added: int
    days: Mapping[str, tuple[int, int]]
    calibration: Mapping[str, Any] | None
    applied: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of its datum."""
        return f"manifest/{self.version}"

    @classmethod
    def read_version(cls, data: DataStore) -> int:
        """Returns the version that is published; 0 without any."""
        return int(_read_current(data).get("version", 0))

    @classmethod
    def read_generation(cls, data: DataStore) -> str:
        """Returns the name of what is published; empty without any."""
        return str(_read_current(data).get("generation", ""))

    @classmethod
    def load(cls, data: DataStore, address: str) -> Self:
        """Reads the manifest that is published.

        Args:
            data: the data of the collection.
            address: of the collection, for messages.

        Raises:
            IndexMissing: nothing has been published.
            IndexDamaged: another version of this program wrote it, or the manifest is missing.
        """
        version = cls.read_version(data)
        if not version:
            raise IndexMissing(address, "no index was published here; import one")
        found = data.get([name := f"manifest/{version}"])
        if not found:
            raise IndexDamaged(address, f"{name} is missing; import the index again")
        fields = _upgrade(orjson.loads(found[name]))
        if fields.pop("format") != FORMAT:
            raise IndexDamaged(address, "another version of this program wrote it; import the index again")
        return cls(
            **fields
            | {
                "model": ModelIdentity(**fields["model"]),
                "segments": tuple(map(Segment.from_json, fields["segments"])),
                "replaced": tuple(map(Segment.from_json, fields["replaced"])),
                "lengths": tuple(fields["lengths"]),
                "sources": tuple(fields["sources"]),
                "days": {name: tuple(days) for name, days in fields["days"].items()},
                "applied": tuple(fields["applied"]),
            }
        )

    def save(self, data: DataStore) -> None:
        """Writes the manifest, then names it the current one."""
        data.put({self.name: orjson.dumps({"format": FORMAT, **asdict(self)})})
        data.put({CURRENT: orjson.dumps({"version": self.version, "generation": self.generation})})


def _upgrade(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns a manifest of format 1, which had one segment, in this format; any other one as it is."""
    if fields["format"] != 1:
        return fields
    segment = {name: fields.pop(name) for name in ("counts", "authors")}
    segment["counts"]["entries"] = _ENTRIES_PER_BUCKET << segment["counts"]["bits"]
    return {**fields, "format": 2, "segments": [segment], "next_segment": fields["version"] + 1, "replaced": []}


def _read_current(data: DataStore) -> Mapping[str, Any]:
    found = data.get([CURRENT])
    fields: Mapping[str, Any] = orjson.loads(found[CURRENT]) if found else {}
    return fields
