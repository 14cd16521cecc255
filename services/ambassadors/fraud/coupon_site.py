"""A personal code used by a buyer who came from a site that collects coupons: the code has leaked."""

from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from services.ambassadors.fraud.sale import Sale


def coupon_site(sale: Sale) -> bool:
    """The accepted touch is a code and the referring site is a known collector's (or one of its subdomains)."""
    return sale.touch.kind == "code" and is_coupon_site(sale.referring_site)


def is_coupon_site(address: str | None) -> bool:
    """Whether a URL or bare host belongs to the list in `coupon_sites.txt`."""
    if not address:
        return False
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return False
    labels = host.casefold().rstrip(".").split(".")
    return any(".".join(labels[start:]) in _sites() for start in range(len(labels)))


@lru_cache
def _sites() -> frozenset[str]:
    lines = files(__package__).joinpath("coupon_sites.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
