"""The servers the tests and the local stack run on are what they claim to be."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient

from tests.stack import NativeServer


async def make_topic(bootstrap: str, name: str, kind: str) -> None:
    if kind == "embedded":
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()


async def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, partition=0)
    await producer.stop()


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    values = [(await consumer.getone()).value for _ in range(count)]
    await consumer.stop()
    return values


async def test_kafka_keeps_order_within_a_partition(kafka: str, kafka_kind: str, topic_prefix: str) -> None:
    topic = topic_prefix + "order"
    await make_topic(kafka, topic, kafka_kind)
    await produce(kafka, topic, b"1", b"2", b"3")
    assert await consume(kafka, topic, 3) == [b"1", b"2", b"3"]


async def test_mongo_has_transactions(mongo_uri: str, database_prefix: str) -> None:
    async with AsyncMongoClient[dict[str, object]](mongo_uri) as client:
        things = client[database_prefix + "x"]["things"]
        async with client.start_session() as session, await session.start_transaction():
            await things.insert_one({"_id": 1}, session=session)
            assert await things.count_documents({}) == 0
        assert await things.count_documents({}) == 1


async def test_mongod_survives_kill(own_mongod: NativeServer) -> None:
    async with AsyncMongoClient[dict[str, object]](own_mongod.address, w="majority", journal=True) as client:
        await client["x"]["things"].insert_one({"_id": 1})
        await asyncio.to_thread(own_mongod.kill)
        await asyncio.to_thread(own_mongod.start)
        assert await client["x"]["things"].count_documents({}) == 1


@pytest.mark.apache
async def test_apache_kafka_survives_kill(own_kafka: NativeServer, topic_prefix: str) -> None:
    topic = topic_prefix + "durable"
    await make_topic(own_kafka.address, topic, "apache")
    await produce(own_kafka.address, topic, b"kept")
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert await consume(own_kafka.address, topic, 1) == [b"kept"]
