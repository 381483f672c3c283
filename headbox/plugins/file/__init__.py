"""Files: anything that has a path and bytes, listed in a PULP_MANIFEST."""
