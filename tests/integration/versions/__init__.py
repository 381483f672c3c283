"""Versions that are made without a remote, gone back to, and deleted."""
