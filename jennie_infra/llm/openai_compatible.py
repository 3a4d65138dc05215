"""A model behind an OpenAI-compatible server (vLLM, Ollama, a cloud), with a deadline and validated answers."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from jennie_infra.llm.json_text import NoJsonError, extract_json
from jennie_infra.llm.provider import Answer, M, Prompt

if TYPE_CHECKING:
    from openai import OpenAI

DEADLINE_SECONDS = 60.0
RETRIES = 2
NO_KEY = "none"


class OpenAiCompatibleModel:
    """Retries 429 and 5xx twice with jitter (the client's own); a bad answer is a named failure, never a default."""

    def __init__(
        self, base_url: str, model: str, api_key: str | None, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._model = model
        self._base_url = base_url
        self._api_key = api_key or NO_KEY
        self._deadline = deadline_seconds
        self._client: OpenAI | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    def ask(self, prompt: Prompt, schema: type[M]) -> Answer[M]:
        """One call; the schema is validated here, whatever the server promises (R-ANL-09)."""
        from openai import OpenAIError

        try:
            reply = self._connected().chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                temperature=prompt.temperature,
                max_tokens=prompt.max_tokens,
            )
        except OpenAIError as error:
            return Answer(None, self._model, f"{type(error).__name__}: {str(error)[:200]}")
        usage = reply.usage
        tokens_in, tokens_out = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        text = reply.choices[0].message.content if reply.choices else None
        if not text:
            return Answer(None, self._model, "empty answer", tokens_in, tokens_out)
        try:
            return Answer(schema.model_validate(extract_json(text)), self._model, "", tokens_in, tokens_out)
        except NoJsonError as error:
            return Answer(None, self._model, str(error), tokens_in, tokens_out)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return Answer(None, self._model, f"{where}: {first['msg']}", tokens_in, tokens_out)

    def _connected(self) -> "OpenAI":
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(
                base_url=self._base_url, api_key=self._api_key, timeout=self._deadline, max_retries=RETRIES
            )
        return self._client
