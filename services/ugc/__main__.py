"""`python -m services.ugc`: the service's process."""

from services.ugc.app import app
from services.ugc.understanding import warm_up
from shared.service import run

if __name__ == "__main__":
    warm_up()
    run(app)
