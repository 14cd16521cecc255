"""Who an author is: an ambassador by their accounts, with the reason in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ugc.models import Person
from shared.contracts.ambassadors import NetworkAccount
from shared.contracts.ugc import Author

_KNOWN = frozenset({"invited", "applied", "active", "paused"})


@dataclass(frozen=True, slots=True)
class Match:
    """The person an author is, or nobody; `reason` says why either way when there was something to weigh."""

    person_id: str | None = None
    customer_id: str | None = None
    reason: str | None = None


def account_keys(network: str, account_id: str | None, handle: str | None) -> list[str]:
    """What an account is found by: its id, its handle without '@', case aside."""
    found = [f"{network}:id:{account_id}"] if account_id else []
    return [*found, f"{network}:handle:{handle.lstrip('@').casefold()}"] if handle else found


def keys_of(accounts: Sequence[NetworkAccount]) -> list[str]:
    """The keys of all accounts of a person."""
    return [key for account in accounts for key in account_keys(account.network, account.account_id, account.handle)]


def match(network: str, author: Author, people: Sequence[Person]) -> Match:
    """The one person whose account the author's is. Ids outrank handles, verified outrank claimed; two claims match
    nobody.
    """
    found = [
        claim for person in people if person.status in _KNOWN for claim in [_claim(network, author, person)] if claim
    ]
    if not found:
        return Match()
    best = max(rank for rank, _, _ in found)
    claims = [(person, reason) for rank, person, reason in found if rank == best]
    if len(claims) > 1:
        names = ", ".join(sorted(person.name for person, _ in claims))
        return Match(reason=f"not matched: this {network} account is claimed by {names}")
    person, reason = claims[0]
    return Match(person.id, person.customer_id, reason)


def _claim(network: str, author: Author, person: Person) -> tuple[int, Person, str] | None:
    """How strongly a person claims the author's account, and in which words."""
    keys, claims = account_keys(network, author.id, author.handle), []
    for account in person.accounts:
        for key in account_keys(account.network, account.account_id, account.handle):
            if key in keys and not _contradicts(account, author):
                kind = key.split(":")[1]
                rank = 2 * account.verified + (kind == "id")
                state = "verified" if account.verified else "not verified"
                claims.append(
                    (rank, f"the {network} {kind} {key.split(':', 2)[2]} belongs to ambassador {person.name} ({state})")
                )
    rank, reason = max(claims, default=(-1, ""))
    return (rank, person, reason) if claims else None


def _contradicts(account: NetworkAccount, author: Author) -> bool:
    """A handle that passed to somebody else: the account's id is known and is another one."""
    return bool(account.account_id and author.id and account.account_id != author.id)
