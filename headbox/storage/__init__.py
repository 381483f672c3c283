"""Artifact bytes, named by digest."""
