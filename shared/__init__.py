"""What every service needs and no service owns: contracts, the processor, Mongo, security, telemetry."""
