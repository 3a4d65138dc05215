"""Who may ask: everything below /api needs the service token."""

import hmac
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from jennie_core.domain.base import StockCode

SCHEME = HTTPBearer(scheme_name="service token", auto_error=False)
SECURITY: list[dict[str, list[str]]] = [{SCHEME.scheme_name: []}]
"""For routes that check by themselves: the documented API asks for the token there too."""


class TokenCheck:
    """Compares the bearer token in constant time."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def passes(self, authorization: str | None) -> bool:
        """Whether the header carries the service token."""
        return authorization is not None and hmac.compare_digest(authorization.encode(), self._expected)

    async def __call__(self, given: Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)] = None) -> None:
        """FastAPI dependency; 401 without the token."""
        if given is None or not self.passes(f"{given.scheme} {given.credentials}"):
            raise HTTPException(401, "the service token is missing or wrong")


async def _caller(x_service: Annotated[str, Header(max_length=40)] = "unnamed") -> str:
    return x_service


Caller = Annotated[str, Depends(_caller)]
Code = Annotated[StockCode, Query()]
