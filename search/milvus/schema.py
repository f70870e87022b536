"""The collections of an index in Milvus: one of papers, and one of data about all of them.

Each paper is an entity, whose primary key is its row. Papers are found by vector, by BM25 over the terms of our own
analysis, by keys (``search.milvus.keys``), days and times, and listed in the order of a field by the inner product
with a sparse vector that has the values of the fields, since Milvus does not sort.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from search.errors import IndexMissing, IndexUnavailable
from search.index.bm25 import K1, B
from search.milvus.keys import MAX_ARRAY, MAX_VARCHAR, KeyArrays, KeyLists, KeyTexts

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from search.milvus.requests import Requests

FORMAT = 2
"""The version of the manifest; that of version 1 can be read, too."""
DATA_SUFFIX = "_data"
"""What the name of the collection of data adds to that of the papers."""
ORDERS = ("newest", "oldest", "citations", "added")
"""The dimensions of the field ``order``."""
FETCHED = ("row", "vector", "text", "paper", "added")
"""The fields that are read of a paper."""
KEY_LISTS = ("keys", "authors", "groups", "identity")
"""The fields that are lists of keys."""
_MAX_NAME = 64
"""Bytes of the name of a datum."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between a server and Milvus Lite.

    Attributes:
        keys: how a field has a list of keys.
        vector_type: type of the vectors; Milvus Lite has no half precision.
        vector_index: type of their index. Graphs of Milvus Lite miss papers that match a filter; it scans.
        array_index: type of the index of arrays; empty without one.
        timeout_s: seconds for one request. Milvus Lite computes in this process, and reads its files at the first one.
    """

    keys: KeyLists
    vector_type: str
    vector_index: str
    array_index: str = ""
    timeout_s: float = 10.0


SERVER = Dialect(KeyArrays(), "FLOAT16_VECTOR", "HNSW_SQ", "INVERTED")
"""Milvus 2.5 or later. HNSW_SQ is a graph over int8 that is refined with the vectors."""
SERVER_WITH_DISKS = Dialect(KeyArrays(), "FLOAT16_VECTOR", "DISKANN", "INVERTED")
"""A server whose query nodes have the graph on their disks, and a code of each vector in memory."""
LITE = Dialect(KeyTexts(), "FLOAT_VECTOR", "FLAT", timeout_s=120)
"""Milvus Lite 3.2, an embedded library."""
LITE_SERVER = replace(LITE, timeout_s=SERVER.timeout_s)
"""Milvus Lite in a process of its own, which has read its files before it answers."""
_VECTOR_INDEX_PARAMETERS = {
    "HNSW_SQ": {"M": 32, "efConstruction": 200, "sq_type": "SQ8", "refine": True, "refine_type": "FP16"},
    "DISKANN": {},
    "FLAT": {},
}
"""Not measured on a server: the values that the documentation of Milvus recommends for a recall of .98 and more."""


def create_collections(client: "MilvusClient", name: str, dim: int, dialect: Dialect) -> None:
    """Creates those of both collections that do not exist, without papers.

    Args:
        client: the connection.
        name: name of the collection of papers.
        dim: components of a vector.
        dialect: what the server understands.

    Raises:
        IndexUnavailable: a collection has the name, but other fields.
    """
    from pymilvus import DataType, Function, FunctionType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    schema.add_field("vector", getattr(DataType, dialect.vector_type), dim=dim)
    analyzed = {"enable_analyzer": True, "analyzer_params": {"type": "standard"}}
    schema.add_field("text", DataType.VARCHAR, max_length=MAX_VARCHAR, **analyzed)
    schema.add_field("bm25", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("order", DataType.SPARSE_FLOAT_VECTOR)
    for field in ("title", "abstract", "paper", "records"):
        schema.add_field(field, DataType.VARCHAR, max_length=MAX_VARCHAR)
    for field in KEY_LISTS:
        if dialect.keys.is_array:
            schema.add_field(field, DataType.ARRAY, element_type=DataType.INT64, max_capacity=MAX_ARRAY)
        else:
            schema.add_field(field, DataType.VARCHAR, max_length=MAX_VARCHAR)
    for field in NUMBERS:
        schema.add_field(field, DataType.INT64)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["text"], output_field_names=["bm25"]))
    indexes = client.prepare_index_params()
    parameters = _VECTOR_INDEX_PARAMETERS[dialect.vector_index]
    indexes.add_index("vector", index_type=dialect.vector_index, metric_type="IP", params=parameters)
    constants = {"bm25_k1": K1, "bm25_b": B}
    indexes.add_index("bm25", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=constants)
    indexes.add_index("order", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    for field in NUMBERS:
        indexes.add_index(field, index_type="INVERTED")
    for field in KEY_LISTS if dialect.array_index else ():
        indexes.add_index(field, index_type=dialect.array_index)
    _create(client, name, schema, indexes, "Bounded")
    _create_data_collection(client, name + DATA_SUFFIX)


def load_collections(client: "MilvusClient | Requests", name: str, address: str) -> None:
    """Returns once both collections can be read.

    Args:
        client: the connection.
        name: name of the collection of papers.
        address: its address, for messages.

    Raises:
        IndexMissing: one of them does not exist.
    """
    if not client.has_collection(name + DATA_SUFFIX):  # it is created last
        raise IndexMissing(address, "there is no such collection; import an index into it")
    for each in (name, name + DATA_SUFFIX):
        client.load_collection(each)


NUMBERS = (
    "first_author",
    "last_author",
    "published_first",
    "published_last",
    "updated_first",
    "updated_last",
    "added",
    "citations",
)
"""The fields that are numbers: keys of authors, days (``date.toordinal``), seconds since 1970, and a count plus 1."""


def _create_data_collection(client: "MilvusClient", name: str) -> None:
    """Creates the collection of texts by name. A collection has to have a vector, which is not used."""
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("name", DataType.VARCHAR, is_primary=True, max_length=_MAX_NAME)
    schema.add_field("value", DataType.VARCHAR, max_length=MAX_VARCHAR)
    schema.add_field("unused", DataType.FLOAT_VECTOR, dim=2)
    indexes = client.prepare_index_params()
    indexes.add_index("unused", index_type="FLAT", metric_type="IP")
    _create(client, name, schema, indexes, "Strong")


def _create(client: "MilvusClient", name: str, schema: Any, indexes: Any, consistency: str) -> None:
    """Creates a collection, which takes a request for it and one for each index, unless all was done before.

    Raises:
        IndexUnavailable: it is one of another program, or lacks an index although papers may be in it.
    """
    if client.has_collection(name):
        fields = {field["name"] for field in client.describe_collection(name)["fields"]}
        if fields != {field.name for field in schema.fields}:
            raise IndexUnavailable(name, "it is a collection of another program; give another name")
        if len(client.list_indexes(name)) >= len(indexes):
            return
        if client.has_collection(name + DATA_SUFFIX):
            problem = f"it lacks an index of the fields {', '.join(index.field_name for index in indexes)}; create it"
            raise IndexUnavailable(name, problem)
        client.drop_collection(name)  # nothing was written into it: the collection of data is created last
    client.create_collection(name, schema=schema, consistency_level=consistency)
    client.create_index(name, index_params=indexes, sync=False)  # else pymilvus waits .5 s for each, without papers
