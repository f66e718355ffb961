"""From a model's name to the model."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from caesar.effects import Backend, ModelSettings
from caesar.errors import UsageError
from caesar.models.litellm import LiteLlmModel
from caesar.models.recorded import Header, RecordedModel, Recorder
from caesar.models.scripted import load_script
from caesar.ports import Model

__all__ = ["open_model"]

_SUFFIX = ".jsonl"


def open_model(
    settings: ModelSettings, *, spec_name: str, backend: Backend, record: Path | None, relative_to: Path
) -> Model:
    """The model that the settings name; UsageError where its recording or script isn't there.

    recorded/starter are the recordings that come with Caesar, by the spec's name and the backend;
    recorded:FILE and scripted:FILE are looked up below `relative_to`; anything else is LiteLLM's.
    With `record`, every completion is also appended to that file.
    """
    model = _named(settings, spec_name=spec_name, backend=backend, relative_to=relative_to)
    if record is None:
        return model
    made = f"recorded while {settings.name} was asked"
    header = Header(caesar_recording=1, spec=spec_name, backend=backend, model=settings.name, made=made)
    return Recorder(model, relative_to / record, header=header)


def _named(settings: ModelSettings, *, spec_name: str, backend: Backend, relative_to: Path) -> Model:
    kind, colon, path = settings.name.partition(":")
    if colon and kind == "recorded":
        return RecordedModel(_file(path, relative_to), backend=backend)
    if colon and kind == "scripted":
        return load_script(_file(path, relative_to))
    name, slash, suite = settings.name.partition("/")
    if name in ("recorded", "scripted"):
        if name == "scripted" or not slash or suite != "starter":
            raise UsageError(
                f"there is no model {settings.name!r}; write recorded/starter, recorded:FILE or scripted:FILE"
            )
        return RecordedModel(_shipped(spec_name, backend), backend=backend)
    return LiteLlmModel(settings)


def _file(path: str, relative_to: Path) -> Path:
    try:
        return relative_to / Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: there is no such home folder; write the path out") from error


def _shipped(spec_name: str, backend: Backend) -> Traversable:
    folder = files("caesar") / "problems" / "starter" / "recordings"
    there = {file.name: file for file in folder.iterdir()} if folder.is_dir() else {}
    wanted = f"{spec_name}.{backend}{_SUFFIX}"
    if wanted not in there:
        names = sorted(name.removesuffix(_SUFFIX) for name in there if name.endswith(_SUFFIX))
        raise UsageError(
            f"recorded/starter has no recording of the spec {spec_name} for the backend {backend}"
            f" (it has {', '.join(names) or 'none'}); give the run another spec or backend, or another --model"
        )
    return there[wanted]
