"""Migrations of core's tables. Released ones are frozen."""
