"""Serves the bytes of distributions."""
