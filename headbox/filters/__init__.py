"""Filters that clients send, as conditions of SQL: of lists, and of what a copy takes."""
