"""The local stack: real MongoDB, real Kafka and every Vouch process on one machine, under one supervisor."""
