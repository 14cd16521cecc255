"""`python -m services.ugc`: the service's process."""

import shared.networks.telegram_updates  # noqa: F401  # takes seconds: now, rather than with the first update
from services.ugc.app import app
from services.ugc.understanding import warm_up
from shared.service import run

if __name__ == "__main__":
    warm_up()
    run(app)
