"""Any model that LiteLLM speaks to: one attempt a call, retrying is the engine's.

LiteLLM takes seconds to import and would fetch price lists, read a .env file and print as it does;
it is imported on first use, kept offline and kept quiet. No key's value reaches a message.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import warnings
from types import ModuleType
from typing import Any

from caesar.domain import Usage, storable
from caesar.effects import Generate, Generated, ModelSettings
from caesar.errors import Fault, UsageError
from caesar.models.redact import redacted

__all__ = ["LiteLlmModel"]

_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else a .env file above the package is read into the environment
}
_TIMEOUT_S = 600.0
_SEED_BITS = 31  # several servers take no more
_WORTH_RETRYING = frozenset({408, 409, 425, 429})
_OWN_SERVER = frozenset({"hosted_vllm", "openai_like", "custom_openai"})
_BASE_VARIABLES = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE",),
    "openai_like": ("OPENAI_LIKE_API_BASE",),
}
_LONGEST_DETAIL = 500
_HOPELESS = (
    "insufficient_quota",  # comes as 429
    "Missing credentials",  # comes as 500: a key that is set, but empty
)
_LITELLM_PREFIX = re.compile(r"^(?:litellm\.\w+: )+(?:\w+Error: )*")


class LiteLlmModel:
    """Implements `ports.Model` through LiteLLM; the key comes from the environment only."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._library: ModuleType | None = None

    @property
    def provenance(self) -> str | None:
        """None: the model answers now."""
        return None

    def preflight(self) -> None:
        """Raise UsageError if the provider is unknown or its key or address is missing; asks nobody."""
        library = self._loaded()
        settings = self._settings
        if "api_key" in settings.params:
            raise UsageError(
                f"model.params of {settings.name} holds an api_key, which would be logged with the run;"
                " put it in the environment variable that the provider names"
            )
        provider = _provider(library, settings)
        if provider in _OWN_SERVER and not _has_base(settings, provider):
            raise UsageError(
                f"the model {settings.name} is on a server of your own, whose address is missing;"
                " set model.params.api_base, such as http://127.0.0.1:8000/v1"
            )
        missing = () if _has_base(settings, provider) else _missing_keys(library, settings)
        if missing:
            raise UsageError(
                f"the model {settings.name} needs {' or '.join(missing)}, not set in the environment;"
                " export it, or choose another model (recorded/starter needs no key)"
            )

    async def generate(self, generate: Generate) -> Generated:
        """One completion of one attempt; Fault, permanent where asking again can't help."""
        library = self._loaded()
        import openai  # noqa: PLC0415  # comes with LiteLLM, whose every error is one of its errors

        try:
            response = await library.acompletion(**_arguments(library, generate))
        except openai.OpenAIError as error:
            raise _fault(error, generate.model.name) from None  # the cause's text may hold a key
        return _generated(response, generate.model.name)

    def _loaded(self) -> ModuleType:
        if self._library is None:
            self._library = _library()
        return self._library


def _library() -> ModuleType:
    for variable, value in _OFFLINE.items():
        os.environ.setdefault(variable, value)
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            import litellm  # noqa: PLC0415  # seconds
    except ImportError as error:
        raise UsageError(
            f"this model needs the package litellm ({error}): pip install litellm,"
            " or choose recorded/starter, recorded:FILE or scripted:FILE"
        ) from error
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=UserWarning, module="pydantic")  # about LiteLLM's own types
    library: ModuleType = litellm
    return library


def _provider(library: ModuleType, settings: ModelSettings) -> str:
    try:
        _, provider, _, _ = library.get_llm_provider(settings.name)
    except library.BadRequestError as error:
        raise UsageError(
            f"LiteLLM knows no provider for the model {settings.name!r}; write PROVIDER/MODEL, such as"
            " openai/gpt-4o, anthropic/claude-sonnet-4-5, or hosted_vllm/NAME with params.api_base"
        ) from error
    return str(provider)


def _has_base(settings: ModelSettings, provider: str) -> bool:
    variables = _BASE_VARIABLES.get(provider, ())
    return bool(settings.params.get("api_base") or any(os.environ.get(variable) for variable in variables))


def _missing_keys(library: ModuleType, settings: ModelSettings) -> tuple[str, ...]:
    """The keys the provider would want; cloud accounts and addresses have other sources than variables."""
    missing = library.validate_environment(settings.name)["missing_keys"]
    return tuple(name for name in missing if name.endswith(("_API_KEY", "_API_TOKEN")))


def _arguments(library: ModuleType, generate: Generate) -> dict[str, Any]:
    settings = generate.model
    chosen = {"temperature": settings.temperature, "top_p": settings.top_p, "max_tokens": settings.max_tokens}
    arguments: dict[str, Any] = {
        "timeout": _TIMEOUT_S,
        **settings.params,
        **{name: value for name, value in chosen.items() if value is not None},
        "model": settings.name,
        "messages": [{"role": message.role, "content": message.text} for message in generate.messages],
        "seed": generate.seed % (1 << _SEED_BITS),
        "drop_params": True,
        "num_retries": 0,
        "max_retries": 0,
    }
    if "api_base" in settings.params and _missing_keys(library, settings):
        arguments["api_key"] = "none"  # the client insists on one; a server of one's own does not
    return arguments


def _generated(response: Any, name: str) -> Generated:
    if not response.choices:
        raise Fault("model", f"the model {name} answered without a completion; it is asked again")
    choice = response.choices[0]
    reasoning = getattr(choice.message, "reasoning_content", None)
    return Generated(
        text=storable(choice.message.content or ""),
        usage=_usage(response),
        model=response.model or name,
        finish_reason=choice.finish_reason,
        reasoning=storable(reasoning) if reasoning else None,
    )


def _usage(response: Any) -> Usage:
    usd = response._hidden_params.get("response_cost")  # noqa: SLF001  # where LiteLLM documents it to be
    usage = getattr(response, "usage", None)
    if usage is None:
        return Usage(usd=usd)
    return Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, usd)


def _fault(error: Exception, name: str) -> Fault:
    status = getattr(error, "status_code", None) or 0
    refused = 400 <= status < 500 and status not in _WORTH_RETRYING  # noqa: PLR2004  # HTTP's classes of status
    hopeless = any(sign in str(error) for sign in _HOPELESS)
    silent = status >= 500 and not getattr(error, "litellm_response_headers", None)  # noqa: PLR2004  # likewise
    cause = "no valid answer" if silent else type(error).__name__
    return Fault(
        "model",
        f"the model {name} gave no completion ({cause}): {_detail(error)}",
        permanent=refused or hopeless,
        retry_after_s=_retry_after_s(error),
    )


def _detail(error: Exception) -> str:
    text = _LITELLM_PREFIX.sub("", " ".join(redacted(str(error), os.environ).split()))
    return text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]} ..."


def _retry_after_s(error: Exception) -> float | None:
    """The header's seconds; its other form, a date, is left to the policy."""
    header = (getattr(error, "litellm_response_headers", None) or {}).get("retry-after", "")
    return float(header) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", header) else None
