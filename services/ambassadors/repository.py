"""Finding and keeping people, programmes, codes and what an order's evidence names, within a unit of work."""

from collections.abc import Mapping
from itertools import islice

from services.ambassadors.attribution import Person, Touch
from services.ambassadors.codes import fold, suggestions
from services.ambassadors.models import Ambassador, Click, CodeReservation, Program
from services.ambassadors.orders.deciding import clicks_of, codes_of, person_at, touches_of
from services.ambassadors.orders.models import Customer, Order
from shared.contracts.ambassadors import CustomerStanding, RecordOrder
from shared.documents import Document
from shared.errors import Refused
from shared.ids import new_id
from shared.unit_of_work import UnitOfWork


async def ambassador_of(uow: UnitOfWork, brand_id: str, ambassador_id: str) -> Ambassador:
    """The brand's ambassador; `Refused` (404) when there is none."""
    found = await uow.get(Ambassador, ambassador_id)
    if found is None or found.brand_id != brand_id:
        raise Refused(404, "ambassador-not-found", "There is no such ambassador")
    return found


async def program_of(uow: UnitOfWork, brand_id: str, program_id: str) -> Program:
    """The brand's programme; `Refused` (422) when there is none."""
    found = await uow.get(Program, program_id)
    if found is None or found.brand_id != brand_id:
        raise Refused(
            422, "program-not-found", "There is no such programme", f"No programme has the id {program_id!r}.",
            [{"pointer": "/program_id", "detail": "no such programme"}],
        )  # fmt: skip
    return found


def code_id(brand_id: str, code: str) -> str:
    """The reservation's id: one per brand and code, whatever its case."""
    return f"{brand_id}:{fold(code)}"


async def reserve(uow: UnitOfWork, brand_id: str, ambassador_id: str, code: str) -> None:
    """Make the code the ambassador's for ever. `Refused` (409) when it is another's."""
    known = await uow.get(CodeReservation, code_id(brand_id, code))
    if known and known.ambassador_id != ambassador_id:
        raise Refused(
            409, "code-taken", "The code is taken", f"Another ambassador has the code {code}. Codes ignore case.",
            [{"pointer": "/code", "detail": "taken by another ambassador"}],
        )  # fmt: skip
    if known is None:
        uow.save(
            CodeReservation(
                id=code_id(brand_id, code),
                brand_id=brand_id,
                ambassador_id=ambassador_id,
                code=code,
                reserved_at=uow.now,
            )
        )


async def free_code(uow: UnitOfWork, brand_id: str, name: str) -> str:
    """The nicest free code for a name; after 200 namesakes, one with random letters."""
    wishes = list(islice(suggestions(name), 200))
    taken = await uow.get_many(CodeReservation, [code_id(brand_id, wish) for wish in wishes])
    free = (wish for wish in wishes if code_id(brand_id, wish) not in taken)
    return next(free, f"{wishes[0]}{new_id('x')[-6:]}")


async def standing_of(uow: UnitOfWork, order: Order) -> CustomerStanding:
    """What the buyer's earlier orders mean for the order, as far as their owner has written it down."""
    evidence = order.facts.evidence
    if evidence is None or evidence.customer_id is None:
        return CustomerStanding()
    customer = await uow.get(Customer, customer_key(order.brand_id, evidence.customer_id))
    return customer.standing(order.order_id, evidence.ordered_at) if customer else CustomerStanding()


def order_key(brand_id: str, order_id: str) -> str:
    """The id of an order's document."""
    return f"{brand_id}:{order_id}"


def customer_key(brand_id: str, customer_id: str) -> str:
    """The id of a customer's document."""
    return f"{brand_id}:{customer_id}"


def named_by(message: RecordOrder) -> list[tuple[type[Document], str]]:
    """What handling the message will read."""
    wanted: list[tuple[type[Document], str]] = [(Order, order_key(message.brand_id, message.order_id))]
    if evidence := message.facts.evidence:
        wanted += [(CodeReservation, code_id(message.brand_id, code)) for code in codes_of(evidence)]
        wanted += [(Click, click) for click in clicks_of(evidence)]
        if evidence.customer_id:
            wanted.append((Customer, customer_key(message.brand_id, evidence.customer_id)))
    return wanted


async def touches_and_people(uow: UnitOfWork, order: Order) -> tuple[list[Touch], dict[str, Person]]:
    """Every candidate that the order's evidence and its buyer's standing name, and whom they lead to."""
    evidence = order.facts.evidence
    assert evidence is not None  # asked only once it is known
    by_code = await _by_code(uow, order.brand_id, codes_of(evidence))
    clicks = await uow.get_many(Click, clicks_of(evidence))
    own = {id: click for id, click in clicks.items() if click.brand_id == order.brand_id}
    touches = touches_of(evidence, order.standing, by_code, own)
    return touches, await _people(uow, order, {touch.ambassador_id for touch in touches if touch.ambassador_id})


async def _by_code(uow: UnitOfWork, brand_id: str, codes: set[str]) -> dict[str, CodeReservation]:
    found = await uow.get_many(CodeReservation, [code_id(brand_id, code) for code in codes])
    return {fold(reservation.code): reservation for reservation in found.values()}


async def _people(uow: UnitOfWork, order: Order, ids: set[str]) -> dict[str, Person]:
    ambassadors = await uow.get_many(Ambassador, ids)
    programs = await uow.get_many(Program, {ambassador.program_id for ambassador in ambassadors.values()})
    return {
        id: _person(order, ambassador, programs)
        for id, ambassador in ambassadors.items()
        if ambassador.brand_id == order.brand_id and ambassador.program_id in programs
    }


def _person(order: Order, ambassador: Ambassador, programs: Mapping[str, Program]) -> Person:
    assert order.facts.evidence is not None
    program = programs[ambassador.program_id]
    return person_at(ambassador, program, order.facts.evidence.ordered_at, order.awards.get(ambassador.id))
