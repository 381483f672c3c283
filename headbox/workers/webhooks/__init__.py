"""Sends the messages of webhooks."""

from headbox.workers.webhooks.sender import WebhookSender

__all__ = ["WebhookSender"]
