"""Text to unit vectors: the model, its export and its quantization."""
