"""`python -m services.rewards`: the service's process."""

from services.rewards.app import app
from shared.service import run

if __name__ == "__main__":
    run(app)
