"""The part of the schema that is derived from what plugins declare: no line here knows any plugin."""
