"""Tortoise models, one noun a file, and their migrations."""
