"""Per noun: fetch, authorise, batch; returns models, never schema types."""
