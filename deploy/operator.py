"""The operator's calls to a running gateway: brands and their keys."""

from typing import Any

import aiohttp

from deploy.stack.datadir import Secrets
from deploy.stack.errors import StackError

TIMEOUT = aiohttp.ClientTimeout(total=30)


async def create_key(gateway_url: str, secrets: Secrets, brand_id: str, role: str, name: str) -> dict[str, Any]:
    """`{id, key}`. Raises StackError with the gateway's own words when it refuses."""
    headers = {"Authorization": f"Bearer {secrets.operator_token}"}
    body = {"brand_id": brand_id, "role": role, "name": name}
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as client:
        try:
            async with client.post(f"{gateway_url}/v1/operator/keys", json=body) as answer:
                found: dict[str, Any] = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StackError(f"The gateway at {gateway_url} does not answer: {error}") from error
    if answer.status != 201:
        raise StackError(f"The gateway refused ({answer.status}): {found.get('detail') or found.get('title') or found}")
    return found
