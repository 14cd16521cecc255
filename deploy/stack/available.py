"""Fetches Apache Kafka when it is not there yet; exit code 1 and the reason on stdout when it can't be had."""

import sys

from deploy.stack import kafka


def main() -> None:
    try:
        kafka.find_java()
        kafka.jars(lambda text: print(text, file=sys.stderr))
    except kafka.KafkaUnavailable as unavailable:
        print(unavailable)
        sys.exit(1)


if __name__ == "__main__":
    main()
