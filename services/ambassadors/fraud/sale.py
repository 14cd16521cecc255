"""What a fraud rule may look at."""

from services.ambassadors.attribution import Touch, Verdict
from shared.contracts.base import Value


class Sale(Value):
    """An attributed order, as far as fraud rules care."""

    verdict: Verdict
    emails: list[str]
    referring_site: str | None = None

    @property
    def touch(self) -> Touch:
        assert self.verdict.touch is not None  # only attributed orders are looked at
        return self.verdict.touch
