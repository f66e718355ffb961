"""What every `ports.Model` does. A subclass named Test* makes one that answers turns 1 and 2 of problem 1."""

import asyncio
from abc import ABC, abstractmethod

import pytest

from caesar.domain import Usage
from caesar.effects import Generate, Generated, Message, ModelSettings, Request
from caesar.ports import Model


def a_generate(*, problem="1", sample=0, turn=1, seed=7, settings=None):
    """A request for a completion, as the engine makes them."""
    return Generate(
        request=Request(f"run/{problem}/{sample}", turn, 0, "generate"),
        problem=problem,
        sample=sample,
        messages=(Message("system", ("Be brief.",)), Message("user", ("Write it.", "Make it fast."))),
        model=settings or ModelSettings("scripted"),
        seed=seed,
    )


class ModelContract(ABC):
    """The contract suite of the port: the model knows problem 1, sample 0, turns 1 and 2."""

    settings = ModelSettings("scripted")
    """What the requests say of the model."""

    @abstractmethod
    def make_model(self) -> Model:
        """A model that could be asked right away."""

    @pytest.fixture
    def model(self):
        return self.make_model()

    def ask(self, model, turn=1):
        return asyncio.run(model.generate(a_generate(turn=turn, settings=self.settings)))

    def test_passes_its_own_preflight(self, model):
        assert model.preflight() is None

    def test_says_how_replayed_completions_came_about_and_nothing_of_live_ones(self, model):
        model.preflight()

        assert model.provenance is None or model.provenance.strip()

    def test_answers_with_a_text_and_the_name_of_who_said_it(self, model):
        model.preflight()

        generated = self.ask(model)

        assert isinstance(generated, Generated)
        assert generated.text
        assert generated.model

    def test_says_what_was_used_and_never_less_than_nothing(self, model):
        model.preflight()

        usage = self.ask(model).usage

        assert isinstance(usage, Usage)
        assert usage.input_tokens >= 0
        assert usage.output_tokens >= 0
        assert usage.usd is None or usage.usd >= 0.0

    def test_answers_every_turn_asked_for(self, model):
        model.preflight()

        assert self.ask(model, turn=2).text

    def test_answers_several_requests_at_once(self, model):
        model.preflight()

        async def both():
            asked = (a_generate(turn=turn, settings=self.settings) for turn in (1, 2))
            return await asyncio.gather(*(model.generate(generate) for generate in asked))

        first, second = asyncio.run(both())

        assert (self.ask(model).text, self.ask(model, turn=2).text) == (first.text, second.text)
