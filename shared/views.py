"""What a service's `views.py` builds on: a read-only database, pages."""

from shared.mongo import ReadOnly
from shared.pages import Page, Paged, paginate

__all__ = ["Page", "Paged", "ReadOnly", "paginate"]
