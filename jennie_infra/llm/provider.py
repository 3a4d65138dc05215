"""The seam to language models: a prompt in, a validated answer or a named failure out (R-LLM-05)."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

RULES = "rules"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call. `service` names who asks (scout, macro_council, briefing) in `llm:stats`."""

    service: str
    system: str
    user: str
    temperature: float = 0.3
    max_tokens: int = 2_048


@dataclass(frozen=True, slots=True)
class Answer(Generic[M]):
    """A validated value, or None with the problem; `analyst` names who answered."""

    value: M | None
    analyst: str
    problem: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class LanguageModel(Protocol):
    """A provider; never raises for a failed call."""

    @property
    def name(self) -> str:
        """`rules`, or the model's name as it is stored beside its answers."""
        ...

    def ask(self, prompt: Prompt, schema: type[M]) -> Answer[M]:
        """One validated JSON answer within the provider's deadline."""
        ...


class RulesModel:
    """No model is configured: the caller's rules decide, and the result names them."""

    @property
    def name(self) -> str:
        """Always `rules`."""
        return RULES

    def ask(self, prompt: Prompt, schema: type[M]) -> Answer[M]:
        """No opinion."""
        return Answer(None, RULES, f"no language model is configured for {prompt.service}: rules decide")


def named_fallback(model: str) -> str:
    """Name of rules that stood in for a model that failed."""
    return f"{RULES} (instead of {model})"[:40]
