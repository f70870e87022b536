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
from search.milvus.errors import describe_error
from search.milvus.requests import COMMAND_TUNING, Requests, RequestTuning
from search.milvus.schema import LITE, LITE_SERVER, SERVER, SERVER_WITH_DISKS, Dialect

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TOKEN_VARIABLE = "PAPERS_MILVUS_TOKEN"  # noqa: S105
"""Environment variable of ``USER:PASSWORD`` or of an API key."""
TLS_VARIABLE = "PAPERS_MILVUS_TLS"
"""Environment variable that turns TLS on: ``1``, or the path of the certificate (PEM) that signed the server's."""
INDEX_VARIABLE = "PAPERS_MILVUS_INDEX"
"""Environment variable of the index of the vectors on a server: a key of ``_SERVERS``."""
_SERVERS = {"HNSW_SQ": SERVER, "DISKANN": SERVER_WITH_DISKS, "LITE": LITE_SERVER}
_LITE_VERSION = "milvus_lite"
"""How the version begins that Milvus Lite says it has."""
_IN_USE = "another process may have it open: docs/milvus.md says how several can use it"
"""What to do about a file that cannot be opened; Milvus Lite does not say why."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
"""What Milvus accepts as the name of a collection, so that the collection of data can have a suffix."""
_FORMS = "milvus://HOST:PORT/COLLECTION, or milvus:///PATH/FILE.db/COLLECTION for Milvus Lite"
_TIMEOUT_S = 5.0
"""Seconds until a server that does not answer is given up when it is connected to, at first and after a lost
connection."""
_CHANNEL = {"grpc.use_local_subchannel_pool": 1}
"""Options of gRPC: a new connection is tried at once, not after the pause that follows a failure of the one before."""
_LITE_CHANNEL = {**_CHANNEL, "grpc.keepalive_time_ms": 2**31 - 1}
"""Those for Milvus Lite, which closes connections with a ping every ten seconds, also while it answers: no pings."""


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
        if place.endswith(".db"):
            raise InvalidValue("index", text, f"a relative path; give {_FORMS}")
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
            raise InvalidValue(INDEX_VARIABLE, name, f"not an index of vectors; allowed are {', '.join(_SERVERS)}")
        return _SERVERS[name]

    def connect(self, tuning: RequestTuning | None = None) -> Requests:
        """Opens a connection.

        Args:
            tuning: that of the requests; ``COMMAND_TUNING`` by default.

        Raises:
            IndexUnavailable: pymilvus or milvus-lite is not installed, the server cannot be reached, or it is not what
                the environment says.
        """
        try:
            import grpc
            import pymilvus
        except ModuleNotFoundError:
            problem = "it needs the package pymilvus; run: pip install 'papers-search[milvus]'"
            raise IndexUnavailable(str(self), problem) from None
        for name in ("pymilvus", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # their errors are reported by this program
        try:
            client = (
                self._connect_to_server() if self.host else pymilvus.MilvusClient(self.path, grpc_options=_LITE_CHANNEL)
            )
        except (pymilvus.MilvusException, grpc.RpcError, OSError, ImportError) as error:
            hint = "check the address, and that Milvus is running" if self.host else _IN_USE
            raise IndexUnavailable(str(self), f"{describe_error(error)}; {hint}") from None
        return Requests(client, str(self), tuning or COMMAND_TUNING)

    def _connect_to_server(self) -> "MilvusClient":
        import pymilvus

        dialect, tls = self.dialect, os.environ.get(TLS_VARIABLE, "")
        options = {} if tls in ("", "0", "1") else {"server_pem_path": tls}
        uri = f"{'https' if tls not in ('', '0') else 'http'}://{self.host}"
        token = os.environ.get(TOKEN_VARIABLE, "")
        expects_lite = dialect.vector_index == LITE.vector_index
        channel = _LITE_CHANNEL if expects_lite else _CHANNEL
        client = pymilvus.MilvusClient(uri, token=token, timeout=_TIMEOUT_S, grpc_options=channel, **options)
        version = client.get_server_version(timeout=_TIMEOUT_S)
        is_lite = version.startswith(_LITE_VERSION)
        if is_lite != expects_lite:
            hint = f"{'set' if is_lite else 'do not set'} {INDEX_VARIABLE}=LITE"
            raise IndexUnavailable(str(self), f"the server is {version}; {hint}")
        return client
