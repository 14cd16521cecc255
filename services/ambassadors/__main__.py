"""`python -m services.ambassadors`"""

from services.ambassadors.app import app
from shared.service import run

run(app)
