"""The repository's root, and a paper of the sample that many tests use."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
KSA = "arxiv:2604.24432"
"""The ID of "Kwai Summary Attention Technical Report"."""
