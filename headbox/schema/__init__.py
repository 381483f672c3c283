"""The GraphQL API: its types are thin over rows, and what plugins declare becomes part of it."""

from headbox.schema.app import GraphQLApp
from headbox.schema.build import build_schema, print_schema

__all__ = ["GraphQLApp", "build_schema", "print_schema"]
