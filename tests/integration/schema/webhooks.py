"""Webhooks, and what tests do with them."""

from __future__ import annotations

from typing import Any

from headbox.models import Webhook
from tests.integration.schema.api import Api

WEBHOOK = """
id name revision labels url events isGlobal repository { name } taskFilter state disabledReason failures failingSince
previousSecretUntil
"""
DELIVERY = """
id event createdAt state endedAt attemptCount nextAttemptAt lastStatus lastError webhook { name }
attempts { at milliseconds status error answer }
"""
ERRORS = "errors { code message path }"
CREATE = f"""
mutation ($input: CreateWebhookInput!) {{ createWebhook(input: $input) {{ webhook {{ {WEBHOOK} }} secret {ERRORS} }} }}
"""
UPDATE = f"""
mutation ($input: UpdateWebhookInput!) {{ updateWebhook(input: $input) {{ webhook {{ {WEBHOOK} }} {ERRORS} }} }}
"""
DELETE = f"mutation ($id: ID!) {{ deleteWebhook(id: $id) {{ webhook {{ name }} {ERRORS} }} }}"
PAUSE = f"mutation ($id: ID!) {{ pauseWebhook(id: $id) {{ webhook {{ {WEBHOOK} }} {ERRORS} }} }}"
RESUME = f"mutation ($id: ID!) {{ resumeWebhook(id: $id) {{ webhook {{ {WEBHOOK} }} {ERRORS} }} }}"
ROTATE = f"""
mutation ($id: ID!, $seconds: Int) {{
  rotateWebhookSecret(id: $id, keepPreviousSeconds: $seconds) {{ webhook {{ {WEBHOOK} }} secret {ERRORS} }}
}}
"""
TEST = f"mutation ($id: ID!) {{ testWebhook(id: $id) {{ delivery {{ {DELIVERY} }} {ERRORS} }} }}"
REDELIVER = f"mutation ($id: ID!) {{ redeliverWebhookDelivery(id: $id) {{ delivery {{ {DELIVERY} }} {ERRORS} }} }}"


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a webhook and return the payload."""
    given = {"name": "ci", "url": "https://ci.example.com/hook", **fields}
    payload: dict[str, Any] = (await api.run(CREATE, input=given))["createWebhook"]
    return payload


async def made(api: Api, **fields: Any) -> Webhook:
    """Return a webhook that a client created."""
    payload = await create(api, **fields)
    assert payload["errors"] == []
    return await Webhook.get(name=payload["webhook"]["name"])
