"""A collection of Milvus as an index: its schema, what is written into it, and how it answers. Imports pymilvus."""
