"""In-tree plugins, each shaped as if it shipped alone."""
