"""Filters: values of each field as columns and posting lists."""
