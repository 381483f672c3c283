"""The ASGI applications of the processes that headbox runs as."""

from headbox.app.application import create_app, create_content_app, create_health_app

__all__ = ["create_app", "create_content_app", "create_health_app"]
