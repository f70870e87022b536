"""Addresses of collections: ``milvus://HOST:PORT/COLLECTION``, and of Milvus Lite ``milvus:///PATH/FILE.db/COLLECTION``.

Credentials are not part of an address, which logs and messages contain. They are read from the environment.
"""

import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.errors import IndexUnavailable, InvalidValue
from search.milvus import COLLECTION_SCHEME
from search.milvus.schema import LITE, SERVER, SERVER_WITH_DISKS, Dialect

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TOKEN_VARIABLE = "PAPERS_MILVUS_TOKEN"  # noqa: S105
"""Environment variable of ``USER:PASSWORD`` or of an API key."""
TLS_VARIABLE = "PAPERS_MILVUS_TLS"
"""Environment variable that turns TLS on: ``1``, or the path of the certificate (PEM) that signed the server's."""
INDEX_VARIABLE = "PAPERS_MILVUS_INDEX"
"""Environment variable of the index of the vectors: a key of ``_SERVERS``."""
_SERVERS = {"HNSW_SQ": SERVER, "DISKANN": SERVER_WITH_DISKS}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
"""What Milvus accepts as the name of a collection, so that the collection of data can have a suffix."""
_FORMS = "milvus://HOST:PORT/COLLECTION, or milvus:///PATH/FILE.db/COLLECTION for Milvus Lite"
_TIMEOUT_S = 10.0
"""Seconds until a server that does not answer is given up when it is connected to."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection is.

    Attributes:
        host: host and port of a server; empty for Milvus Lite.
        path: path of the file of Milvus Lite; empty for a server.
        collection: name of the collection of papers.
    """

    host: str
    path: str
    collection: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Parses an address.

        Raises:
            InvalidValue: the text is no address.
        """
        place, _, name = text.removeprefix(COLLECTION_SCHEME).rpartition("/")
        if not (text.startswith(COLLECTION_SCHEME) and place and _NAME.fullmatch(name)):
            raise InvalidValue("index", text, f"not an address of a collection; give {_FORMS}")
        if place.startswith("/"):
            return cls("", place, name)
        if not re.fullmatch(r"[^/@:]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", place):
            raise InvalidValue("index", text, f"not a host and port; give {_FORMS}; credentials in {TOKEN_VARIABLE}")
        return cls(place, "", name)

    def __str__(self) -> str:
        return f"{COLLECTION_SCHEME}{self.host or self.path}/{self.collection}"

    @property
    def dialect(self) -> Dialect:
        """What the server understands.

        Raises:
            InvalidValue: the environment names another index.
        """
        if not self.host:
            return LITE
        name = os.environ.get(INDEX_VARIABLE) or SERVER.vector_index
        if name not in _SERVERS:
            raise InvalidValue(INDEX_VARIABLE, name, f"not an index of vectors; allowed are {' and '.join(_SERVERS)}")
        return _SERVERS[name]

    def connect(self) -> "MilvusClient":
        """Opens a connection.

        Raises:
            IndexUnavailable: pymilvus or milvus-lite is not installed, or the server cannot be reached.
        """
        try:
            import pymilvus
        except ModuleNotFoundError:
            problem = "it needs the package pymilvus; run: pip install 'papers-search[milvus]'"
            raise IndexUnavailable(str(self), problem) from None
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # its errors are reported by this program
        try:
            if not self.host:
                return pymilvus.MilvusClient(self.path)
            tls = os.environ.get(TLS_VARIABLE, "")
            options = {} if tls in ("", "0", "1") else {"server_pem_path": tls}
            uri = f"{'https' if tls not in ('', '0') else 'http'}://{self.host}"
            return pymilvus.MilvusClient(uri, token=os.environ.get(TOKEN_VARIABLE, ""), timeout=_TIMEOUT_S, **options)
        except (pymilvus.MilvusException, OSError, ImportError) as error:
            raise IndexUnavailable(str(self), f"it cannot be opened ({error})") from None
