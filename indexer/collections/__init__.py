"""Imports into a collection of Milvus."""
