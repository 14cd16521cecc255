from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import NeutralMention
from shared.networks.base import Connection, Deleted, Ignored, InvalidPayload
from shared.networks.eligibility import text_length
from shared.networks.registry import build_client, build_networks
from tests.unit.networks.support import HEADERS, NOW, connection, dumped

NETWORKS = build_networks()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
FRAMES: dict[str, Callable[[object], object]] = {
    "telegram": lambda x: {"update_id": 1, "message": x},
    "vk": lambda x: {"type": "wall_reply_new", "object": x},
    "instagram": lambda x: {"object": "instagram", "entry": x},
    "tiktok": lambda x: {"event": "comment.update", "create_time": 1, "content": x},
    "youtube": lambda x: {"items": x},
    "inbound": lambda x: x,
}


@pytest.mark.parametrize("name", sorted(NETWORKS))
@given(value=JSON, raw=st.binary(max_size=64))
def test_whatever_comes_is_parsed_ignored_or_named_invalid(name: NetworkName, value: object, raw: bytes) -> None:
    for body in (raw, dumped(value), dumped(FRAMES[name](value))):
        try:
            parsed = NETWORKS[name].parse(body, HEADERS, connection(name))
        except InvalidPayload:
            continue
        assert all(isinstance(one, NeutralMention | Deleted | Ignored) for one in parsed)


def test_a_connection_does_not_show_its_secrets() -> None:
    assert "AAToken" not in repr(connection("telegram"))
    assert Connection(id="c", brand_id="b", network="vk").accepted("secret") == []


def test_the_operators_own_addresses_are_trusted() -> None:
    assert "127.0.0.1:8011" in build_client({"telegram": "http://127.0.0.1:8011/telegram"}).trusted
    assert build_networks({"vk": "http://127.0.0.1:8011/vk/"})["vk"].name == "vk"


def test_eligibility_is_data_with_a_version() -> None:
    for network in NETWORKS.values():
        assert network.eligibility.version
        assert network.eligibility.source
    instagram = NETWORKS["instagram"].eligibility
    day = timedelta(hours=24)
    assert instagram.refusal("message", NOW - day, NOW) is None
    assert instagram.refusal("message", NOW - day - timedelta(seconds=1), NOW) == "window_closed"
    assert instagram.refusal("review", NOW, NOW) == "kind_not_answerable"
    assert instagram.refusal("comment", NOW, NOW, automatic=True) == "automation_needs_consent"
    assert instagram.refusal("comment", NOW, NOW, automatic=True, consent=True) is None
    assert NETWORKS["tiktok"].eligibility.refusal("comment", NOW, NOW, text="a" * 151) == "too_long"


def test_length_counts_as_the_networks_count() -> None:
    assert text_length("кофе☕") == 5
    assert text_length("🎉") == 2
