"""Errors that carry their policy: refused (tell the caller), permanent (dead letter), transient (back off)."""

from typing import Any

from pydantic import BaseModel, Field


class Reply(BaseModel):
    """A command's outcome as the caller gets it: HTTP status and JSON body (RFC 9457 problem when refused)."""

    status: int = Field(200, ge=200, le=599)
    body: dict[str, Any] = Field(default_factory=dict)


class Refused(Exception):
    """A command that may not happen. Whatever its handler changed is rolled back; the caller gets the problem."""

    def __init__(
        self, status: int, type: str, title: str, detail: str | None = None, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(f"{status} {type}: {detail or title}")
        self.status, self.type, self.title, self.detail, self.errors = status, type, title, detail, errors

    @property
    def reply(self) -> Reply:
        """The problem details (RFC 9457) as a reply. `type` is relative to the gateway's `/problems/`."""
        body: dict[str, Any] = {"type": f"/problems/{self.type}", "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = self.errors
        return Reply(status=self.status, body=body)


class Permanent(Exception):
    """This record can never be handled: dead letter at once."""


class Transient(Exception):
    """Something needed is away for now: try the batch again, as long as it takes."""


class DataGone(Exception):
    """The log no longer holds records that were never handled. Never gone over in silence."""
