"""Which provider the settings ask for."""

from jennie_infra.llm.openai_compatible import OpenAiCompatibleModel
from jennie_infra.llm.provider import LanguageModel, RulesModel
from jennie_infra.settings import Settings


def choose_model(settings: Settings) -> LanguageModel:
    """The server of JENNIE_LLM_BASE_URL, or the rules."""
    if settings.llm_base_url is None:
        return RulesModel()
    return OpenAiCompatibleModel(
        settings.llm_base_url, settings.llm_model, settings.secret("llm_api_key", required=False) or None
    )
