"""A cart note alone claims the order: a visitor can write any note, so a click or landing page must bear it out."""

from services.ambassadors.fraud.sale import Sale


def unproven_note(sale: Sale) -> bool:
    """The accepted touch is a note without a recorded click, and no landing page names the same ambassador."""
    if sale.touch.kind != "note" or sale.touch.recorded:
        return False
    return not any(
        candidate.kind in ("landing_ref", "click")
        and candidate.ambassador_id == sale.verdict.ambassador_id
        and candidate.reason == "outranked"
        for candidate in sale.verdict.candidates
    )
