"""Fetches from remotes."""
