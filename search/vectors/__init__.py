"""Vectors: float16 storage, 4-bit codes and filtered nearest-neighbour search."""
