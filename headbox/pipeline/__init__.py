"""Sync as a stream: declared content goes through small steps, a batch at a time, and ends up saved and staged."""
