"""A Kafka-protocol broker inside librdkafka (its mock cluster), for machines that can't run Apache Kafka.

    python -m deploy.stack.embedded ADDRESS_FILE

It chooses its port itself and writes `host:port` to ADDRESS_FILE. Its log lives in memory: when the process ends,
everything on Kafka is gone, and it drops the oldest records beyond 5 MB a partition. Topics come into being when
somebody asks for them, with four partitions each. Run one consumer per group on it.
"""

import signal
import sys
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from deploy.stack.errors import StackError
from deploy.stack.processes import write_atomically

WARNING = (
    "The embedded broker keeps Kafka's log in MEMORY: what is on Kafka is lost when it stops, and it drops the oldest "
    "records beyond 5 MB a partition. Good for a try-out and for tests, never for data you need."
)


def start() -> tuple[Producer, str]:
    """The mock cluster lives as long as the returned client. The address is `host:port`."""
    client = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced.by.the.mock:1", "log_level": 2})
    try:
        broker = next(iter(client.list_topics(timeout=10).brokers.values()))
    except KafkaException as error:
        raise StackError(f"The embedded broker does not start: {error}") from error
    return client, f"{broker.host}:{broker.port}"


def main() -> None:
    client, address = start()
    write_atomically(Path(sys.argv[1]), address)
    print(f"embedded broker at {address}; {WARNING}", file=sys.stderr, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del client


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before librdkafka starts its threads
    main()
