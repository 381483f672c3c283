"""Sync as a stream of declared content through small stages."""
