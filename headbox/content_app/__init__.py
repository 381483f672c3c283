"""Serves the bytes of distributions."""

from headbox.content_app.app import ContentApp

__all__ = ["ContentApp"]
