from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.devstore import signing
from deploy.devstore.catalogue import shops
from deploy.devstore.delivery import BACKOFF, PostOffice
from deploy.devstore.faults import Faults, Rule
from deploy.devstore.store import Store
from deploy.devstore.webhooks import emit, subscribe
from deploy.devstore.world import World
from tests.unit.devstore.conftest import SHOP


def hits(
    faults: Faults, times: int, shop: str = SHOP, names: tuple[str, ...] = ("discountCodeBasicCreate",)
) -> list[bool]:
    return [faults.pick("admin", shop, names) is not None for _ in range(times)]


def test_a_rule_strikes_what_it_matches_as_often_as_it_says(world: World) -> None:
    world.faults.replace([Rule(target="admin", kind="5xx", match="discount*", shop=SHOP, count=2)])
    assert hits(world.faults, 1, shop="other-brand.myshopify.com") == [False]
    assert hits(world.faults, 1, names=("orders",)) == [False]
    assert hits(world.faults, 4) == [True, True, False, False]


def test_dice_are_seeded_and_survive_a_restart(tmp_path: Path) -> None:
    def run(name: str, seed: int, restart: bool) -> list[bool]:
        store = Store(str(tmp_path / name))
        faults = Faults(store)
        faults.replace([Rule(target="admin", kind="429", probability=0.5, seed=seed)])
        first = hits(faults, 20)
        return first + hits(Faults(store) if restart else faults, 20)

    assert run("a", 1, restart=False) == run("b", 1, restart=True)
    assert run("c", 1, restart=False) != run("d", 2, restart=False)


def test_an_expired_rule_is_over(world: World) -> None:
    rule = Rule(target="admin", kind="5xx", duration=10)
    assert rule.live(rule.since + 9.9)
    assert not rule.live(rule.since + 10)


def test_rules_that_cannot_work_are_refused() -> None:
    assert Rule(target="webhook", kind="429").unusable()
    assert Rule(target="oauth", kind="throttle").unusable()
    assert Rule(target="admin", kind="duplicate").unusable()
    with pytest.raises(ValidationError):
        Rule.model_validate({"target": "admin", "kind": "explode"})


@pytest.mark.parametrize(("kind", "rows"), [("duplicate", 3), ("drop", 1), ("delay", 1), ("bad_signature", 1)])
def test_faults_of_webhooks_are_in_the_queue(world: World, kind: str, rows: int) -> None:
    shop = shops()[SHOP]
    subscribe(world, shop, "ORDERS_CREATE", {"uri": "http://127.0.0.1:9/x"})
    world.faults.replace([Rule.model_validate({"target": "webhook", "kind": kind, "times": 2, "seconds": 60})])
    emit(world, shop, "orders/create", {"id": 1})
    queued = world.store.db.execute("SELECT state, due - created_at AS wait, headers FROM deliveries").fetchall()
    assert len(queued) == rows
    assert {row["state"] for row in queued} == {"dropped" if kind == "drop" else "pending"}
    assert (queued[0]["wait"] > 50) == (kind == "delay")
    assert ("_bad_signature" in queued[0]["headers"]) == (kind == "bad_signature")


def test_a_bad_signature_is_bad(world: World) -> None:
    office, body = PostOffice(world), '{"имя": "Анна"}'.encode()
    good = signing.webhook(shops()[SHOP].client_secret, body)
    assert office._sign(SHOP, body, bad=False) == good
    assert office._sign(SHOP, body, bad=True) != good


def test_a_subscription_may_ask_for_some_fields_only(world: World) -> None:
    subscribe(world, shops()[SHOP], "ORDERS_CREATE", {"uri": "http://127.0.0.1:9/x", "include_fields": ["id"]})
    emit(world, shops()[SHOP], "orders/create", {"id": 1, "email": "a@b.c", "_own": 2})
    assert world.store.db.execute("SELECT body FROM deliveries").fetchone()[0] == b'{"id": 1}'


def test_eight_retries_take_four_hours() -> None:
    assert len(BACKOFF) == 8
    assert 3.5 * 3600 <= sum(BACKOFF) <= 4 * 3600
