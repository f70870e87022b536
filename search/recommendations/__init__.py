"""Recommendations: new papers near a library."""
