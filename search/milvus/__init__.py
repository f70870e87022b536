"""A collection of Milvus as an index: its schema, what is written into it, and how it answers. Imports pymilvus."""

COLLECTION_SCHEME = "milvus://"
"""Begins the address of a collection (``search.milvus.address``)."""
