"""Contracts as request bodies: the same models, with unknown fields refused (`strict.py`)."""

from typing import TYPE_CHECKING

from services.gateway.strict import strict
from shared.contracts.ambassadors import NetworkAccount, ProgramTerms
from shared.contracts.rewards import CampaignTerms
from shared.contracts.ugc import Voice, VoiceFact

if TYPE_CHECKING:
    # To the type checker they are what they extend.
    AccountBody = NetworkAccount
    ProgramTermsBody = ProgramTerms
    CampaignBody = CampaignTerms
    VoiceBody = Voice
    VoiceFactBody = VoiceFact
else:
    AccountBody = strict(NetworkAccount)
    ProgramTermsBody = strict(ProgramTerms)
    CampaignBody = strict(CampaignTerms)
    VoiceBody = strict(Voice)
    VoiceFactBody = strict(VoiceFact)

__all__ = ["AccountBody", "CampaignBody", "ProgramTermsBody", "VoiceBody", "VoiceFactBody"]
