"""The Dramatiq broker, its middleware and the core actors."""
