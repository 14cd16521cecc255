"""`python -m services.gateway`: the gateway's process."""

from services.gateway.app import app, application
from shared.service import serve
from shared.settings import load_settings
from shared.telemetry import configure_logging, configure_tracing


def main() -> None:
    """Serve with the settings of the environment."""
    settings = load_settings()
    configure_logging(app.service, settings.log_level)
    configure_tracing(app.service)
    serve(application(settings), settings)


if __name__ == "__main__":
    main()
