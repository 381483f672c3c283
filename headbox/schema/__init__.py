"""The GraphQL schema: types, inputs, results and their assembly."""
