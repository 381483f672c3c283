"""Fetching for the API, by noun: lists page by page, edges in batches, changes as one transaction each.

A resolver returns models and plain values, never a type of the GraphQL schema.
"""
