"""Registration fails at import, not at run time; records keep what they carry."""

import pytest

from shared.contracts import registry
from shared.contracts.base import Command
from shared.contracts.rewards import CampaignChanged, ChangeCampaign
from shared.errors import Refused
from shared.handlers import Handlers
from shared.records import Header, Incoming, Outgoing, dead_letter, outgoing, replayed, reply_record
from shared.topics import Service, Topic
from shared.unit_of_work import UnitOfWork

COMMAND = ChangeCampaign(brand_id="brd_1", campaign_id="cmp_1", action="pause")


async def handle(message: object, uow: UnitOfWork, meta: object) -> None:
    """A handler that does nothing."""


def test_topics_follow_from_what_is_registered() -> None:
    handlers = Handlers(Service.REWARDS)
    handlers.on(ChangeCampaign)(handle)
    handlers.on(CampaignChanged)(handle)
    assert handlers.topics == [Topic.COMMANDS_REWARDS, Topic.EVENTS_REWARDS]


def test_a_message_is_handled_once_per_service() -> None:
    handlers = Handlers(Service.REWARDS)
    handlers.on(ChangeCampaign)(handle)
    with pytest.raises(TypeError, match="handles ChangeCampaign twice"):
        handlers.on(ChangeCampaign)(handle)


def test_another_service_s_command_is_not_ours() -> None:
    with pytest.raises(TypeError, match=r"belongs to commands\.rewards"):
        Handlers(Service.UGC).on(ChangeCampaign)(handle)


def test_a_handler_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="must be `async def"):
        Handlers(Service.REWARDS).on(ChangeCampaign)(lambda message: None)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize("name", sorted(registry))
def test_every_message_is_described_and_keyed_within_its_brand(name: str) -> None:
    model = registry[name]
    assert model.__doc__
    assert model.keyed_by in model.model_fields
    assert issubclass(model, Command) == model.topic.startswith("commands.")


def incoming(record: Outgoing) -> Incoming:
    return Incoming(record.topic, 2, 7, record.key, record.value, record.headers)


def test_a_record_tells_its_handler_what_was_sent() -> None:
    record = outgoing(COMMAND, id="cmd_1", actor="key:1", correlation_id="req_1", extra={Header.REPLY_TO: "abc/3"})
    meta = incoming(record).meta
    assert (meta.type, meta.id, meta.actor, meta.correlation_id, meta.brand_id) == (
        "ChangeCampaign",
        "cmd_1",
        "key:1",
        "req_1",
        "brd_1",
    )
    assert record.key == b"brd_1:cmp_1"
    reply = reply_record(meta, 200, {"a": 1})
    assert reply
    assert (reply.topic, reply.partition, reply.headers["to"]) == (Topic.REPLIES, 3, "abc")


def test_a_record_with_an_origin_is_known_by_its_sequence_only() -> None:
    record = incoming(outgoing(COMMAND, id="cmd_1").stamped("ugc/commands.ugc/0", 12))
    assert (record.dedupe_id, record.origin, record.sequence) == (None, "ugc/commands.ugc/0", 12)


def test_a_replayed_dead_letter_is_the_record_it_was_for_the_service_it_failed_in() -> None:
    record = incoming(outgoing(COMMAND, id="cmd_1", actor="key:1").stamped("ugc/commands.ugc/0", 12))
    letter = dead_letter(record, Service.REWARDS, "ValueError: no", "trace")
    assert letter.topic == Topic.DLQ_REWARDS
    assert {letter.headers[Header.DLQ + part] for part in ("topic", "partition", "offset", "error")} == {
        "commands.rewards", "2", "7", "ValueError: no",
    }  # fmt: skip
    again = replayed(letter.headers, letter.key, letter.value)
    assert (again.topic, again.key, again.value) == (record.topic, record.key, record.value)
    assert incoming(again).dedupe_id == "cmd_1"
    assert again.headers[Header.ONLY] == "rewards"


def test_a_refusal_is_a_problem() -> None:
    reply = Refused(409, "too-late", "Too late", "It was sent already.", [{"pointer": "/text", "detail": "x"}]).reply
    assert reply.status == 409
    assert reply.body["type"] == "/problems/too-late"
    assert reply.body["errors"] == [{"pointer": "/text", "detail": "x"}]
