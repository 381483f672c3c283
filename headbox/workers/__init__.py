"""Dramatiq: the broker, the actors, and the process that runs tasks."""
