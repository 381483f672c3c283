"""The rules of the domain, per noun.

A service works inside of a transaction that somebody else began, and commits nothing.
"""
