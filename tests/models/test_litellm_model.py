import asyncio
import json
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from contracts.model import ModelContract, a_generate

from caesar.domain import Usage
from caesar.effects import ModelSettings
from caesar.errors import Fault, UsageError
from caesar.models.litellm import LiteLlmModel

pytestmark = pytest.mark.slow  # LiteLLM takes seconds to import

CANARY = "sk-canary-4f9d8c7b6a5e"
HIDDEN = "a-secret-of-no-known-shape"


def a_completion(text="some text", **message):
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


class Provider:
    """An OpenAI-compatible server that answers as told and keeps what it was asked."""

    def __init__(self):
        self.status, self.headers, self.body = 200, {}, json.dumps(a_completion())
        self.asked, self.keys = [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.base = f"http://127.0.0.1:{self.server.server_port}/v1"

    def says(self, body, *, status=200, **headers):
        self.status, self.headers = status, headers
        self.body = body if isinstance(body, str) else json.dumps(body)

    def refuses(self, status, message="as told", **headers):
        code = headers.pop("code", None)
        self.says({"error": {"message": message, "type": "x", "code": code}}, status=status, **headers)

    def _handler(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                provider.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                provider.keys.append(self.headers.get("authorization"))
                body = provider.body.encode()
                self.send_response(provider.status)
                for name, value in provider.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def provider():
    provider = Provider()
    thread = threading.Thread(target=provider.server.serve_forever, daemon=True)
    thread.start()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "HOSTED_VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(params=["openai", "hosted_vllm"])
def settings(request, provider):
    return ModelSettings(f"{request.param}/some-model", params={"api_base": provider.base})


def ask(settings, **request):
    return asyncio.run(LiteLlmModel(settings).generate(a_generate(settings=settings, **request)))


def fault_of(settings):
    with pytest.raises(Fault) as raised:
        ask(settings)
    assert "model" == raised.value.kind
    return raised.value


class TestLiteLlmModel(ModelContract):
    @pytest.fixture
    def model(self, settings):
        self.settings = settings
        return LiteLlmModel(settings)

    def make_model(self):
        raise NotImplementedError


def test_a_completion_comes_with_usage_and_all_that_the_provider_says(provider, settings):
    provider.says(a_completion("```python\n```", reasoning_content="thinking"))

    generated = ask(settings)

    assert ("```python\n```", "thinking") == (generated.text, generated.reasoning)
    assert ("served-model", "stop") == (generated.model, generated.finish_reason)
    assert Usage(11, 5, usd=None) == generated.usage


def test_the_request_carries_prompt_sampling_and_seed(provider, settings):
    ask(replace(settings, temperature=0.5, top_p=0.9, max_tokens=64), seed=(1 << 40) + 5)

    (asked,) = provider.asked
    assert (0.5, 0.9, 64, 5) == tuple(asked[key] for key in ("temperature", "top_p", "max_tokens", "seed"))
    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Write it.\nMake it fast."},
    ] == asked["messages"]


def test_a_model_with_a_known_price_has_a_cost(provider):
    generated = ask(ModelSettings("openai/gpt-4o", params={"api_base": provider.base}))

    assert generated.usage.usd == pytest.approx(11 * 2.5e-6 + 5 * 1e-5)


def test_a_completion_without_text_is_an_empty_one(provider, settings):
    provider.says(a_completion(None))

    assert "" == ask(settings).text


def test_a_lone_surrogate_is_replaced_so_that_the_text_can_be_stored(provider, settings):
    provider.says(a_completion("a\ud800b"))

    assert b"a?b" == ask(settings).text.encode()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_a_fault_worth_retrying_and_is_asked_once(provider, settings, status):
    provider.refuses(status)

    fault = fault_of(settings)

    assert (False, None) == (fault.permanent, fault.retry_after_s)
    assert 1 == len(provider.asked)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_a_permanent_fault(provider, settings, status):
    provider.refuses(status)

    assert fault_of(settings).permanent


def test_a_prompt_too_long_is_a_permanent_fault_that_says_so(provider, settings):
    message = "This model's maximum context length is 10 tokens"
    provider.refuses(400, message, code="context_length_exceeded")

    fault = fault_of(settings)

    assert fault.permanent
    assert "ContextWindowExceededError" in str(fault)
    assert message in str(fault)


def test_a_spent_account_is_a_permanent_fault_though_it_comes_as_a_rate_limit(provider, settings):
    provider.refuses(429, "You exceeded your quota: insufficient_quota", code="insufficient_quota")

    assert fault_of(settings).permanent


def test_the_time_that_the_provider_asks_for_is_passed_on(provider, settings):
    provider.refuses(429, retry_after="7")

    assert 7.0 == fault_of(settings).retry_after_s


def test_a_date_to_retry_after_is_left_to_the_policy(provider, settings):
    provider.refuses(429, retry_after="Sun, 22 Nov 2026 15:31:11 GMT")

    assert fault_of(settings).retry_after_s is None


@pytest.mark.parametrize("body", ["{not json", "{}", "[]", '{"choices": []}'])
def test_an_answer_that_is_none_is_a_fault_worth_retrying(provider, settings, body):
    provider.says(body)

    assert not fault_of(settings).permanent


def test_nobody_listening_is_a_fault_worth_retrying(provider, settings):
    provider.server.shutdown()
    provider.server.server_close()

    fault = fault_of(settings)

    assert not fault.permanent
    assert "no valid answer" in str(fault)


def test_an_answer_too_late_is_a_fault_worth_retrying(provider, environment):
    params = {"api_base": provider.base, "timeout": 0.000001}

    assert not fault_of(ModelSettings("openai/some-model", params=params)).permanent


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_no_message_holds_a_key(provider, environment, status):
    environment.setenv("OPENAI_API_KEY", CANARY)
    environment.setenv("OTHER_API_KEY", HIDDEN)
    provider.refuses(status, f"no such key: {CANARY}, nor {HIDDEN}")

    fault = fault_of(ModelSettings("openai/some-model", params={"api_base": provider.base}))

    assert [f"Bearer {CANARY}"] == provider.keys
    assert "no such key: [OPENAI_API_KEY], nor [OTHER_API_KEY]" in str(fault)
    assert fault.__cause__ is None


def test_a_message_is_one_line_of_bounded_length(provider, settings):
    provider.refuses(500, "a long\nstory " * 1000)

    message = str(fault_of(settings))

    assert "\n" not in message
    assert len(message) < 700


@pytest.mark.parametrize(
    ("settings_", "complaint"),
    [
        (ModelSettings("nonsense"), "knows no provider for the model 'nonsense'; write PROVIDER/MODEL"),
        (ModelSettings("nobody/model"), "knows no provider for the model 'nobody/model'"),
        (ModelSettings("openai/some-model"), "openai/some-model needs OPENAI_API_KEY, not set"),
        (ModelSettings("hosted_vllm/some-model"), "set model.params.api_base"),
        (ModelSettings("openai/x", params={"api_key": "abcdef"}), "put it in the environment variable"),
    ],
)
def test_preflight_says_in_a_sentence_what_is_missing(settings_, complaint):
    with pytest.raises(UsageError, match=complaint) as raised:
        LiteLlmModel(settings_).preflight()

    assert "\n" not in str(raised.value)
    assert "abcdef" not in str(raised.value)


def test_preflight_is_content_with_a_key(environment):
    environment.setenv("OPENAI_API_KEY", CANARY)

    assert LiteLlmModel(ModelSettings("gpt-4o")).preflight() is None


def test_preflight_is_content_with_an_address_in_the_environment(environment):
    environment.setenv("HOSTED_VLLM_API_BASE", "http://127.0.0.1:1")

    assert LiteLlmModel(ModelSettings("hosted_vllm/some-model")).preflight() is None


def test_litellm_not_being_installed_is_a_usage_error_that_says_what_to_install(environment):
    environment.setitem(sys.modules, "litellm", None)

    with pytest.raises(UsageError, match="pip install litellm"):
        LiteLlmModel(ModelSettings("gpt-4o")).preflight()
