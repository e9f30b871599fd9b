"""Experiments as people write them in ``experiments.yaml``, and the way from there to what the engine runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from autolab.model.border import Border, Number, Text, Whole, Word
from autolab.model.host import NearPath
from autolab.model.settings import Defaults, FirstStepSettings, Group, Hours, Phase, ResourceSettings
from autolab.model.state import FirstStep, Resources, Spec
from autolab.model.values import EnvMap, scalar_text

OURS: Final = frozenset(
    {"status", "attempt", "pid", "job_id", "started", "finished", "retry_count", "results"}
    | {"wandb_run_id", "wandb_artifact", "hf_artifact_url"}
)
TEMPLATED: Final = ("command", "result_file", "checkpoint_dir", "notes")
REQUIRED: Final = ("id", "command", "expected_duration_hours", "phase", "group", "method", "dataset", "seed")
_DEFAULTED: Final = ("expected_duration_hours", "phase", "group", "method", "dataset")
_KEPT: Final = (
    "early_stop_check_after",
    "early_stop_threshold_pct",
    "early_stop_metric",
    "git_commit",
    "pbs_script_path",
    "gadi_walltime_hours",
    "duration_basis",
    "estimated_vram_mb",
    "paper_reported",
    "experiment_id",
)
_NEVER_RESULTS: Final = frozenset({".git", ".autolab", "dispatch", "autolab.yaml"})
_MATRIX_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NO_AXIS: Final = frozenset(
    {"id", "name", "matrix", "include", "exclude", "depends_on", "env", "resources", "extra", *TEMPLATED, *OURS}
)
_ARCHIVED: Final = re.compile(r"\s*\(archived\)\s*$", re.IGNORECASE)

Scalar = str | int | float | bool


def result_path(text: str) -> str:
    """``text`` as a path inside the project, shortest form; raises ValueError when it leads out or into ours."""
    path = PurePosixPath(text)
    if path.is_absolute() or text.startswith(("~", "-")) or ".." in path.parts or not path.parts:
        raise ValueError(f"{text[:60]!r} is no path inside the project\nrelative to the project's folder, without '..'")
    if path.parts[0].casefold() in _NEVER_RESULTS:
        raise ValueError(
            f"{text[:60]!r} belongs to autolab or git\nchoose a path such as experiments/results/<id>.json"
        )
    return str(path)


def _command(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty\ngive the shell text that runs the experiment")
    return text


def _gpu(given: object) -> object:
    """An index (0 is one), or a device's name."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 1024:
        return given
    if isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}", given):
        return given
    raise ValueError("must be an index from 0, or a device's name\nfor a number of GPUs use resources: {gpus: N}")


def _flag(text: str) -> str:
    """One flag, perhaps with a value, that means the same to every shell."""
    if not re.fullmatch(r"--?[A-Za-z][A-Za-z0-9_-]*(=[A-Za-z0-9_./:-]+)?", text):
        raise ValueError(f"{text[:40]!r} is no flag\none word such as --resume, or --resume=auto")
    return text


def _scalar(given: object) -> object:
    scalar_text(given)
    return given


def _axis(key: str) -> str:
    if not _MATRIX_KEY.fullmatch(key):
        raise ValueError("is no key for a matrix\nletters, digits, _ and -, beginning with a letter")
    if key in _NO_AXIS:
        raise ValueError(f"{key} cannot vary in a matrix\nuse another key, and {{key}} inside `{key}`")
    return key


Value = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "integer", "boolean"]})]
Cell = dict[Annotated[Word, AfterValidator(_axis)], Value]
Matrix = dict[Annotated[Word, AfterValidator(_axis)], Annotated[tuple[Value, ...], Field(min_length=1)]]
Axes = Annotated[Matrix, Field(min_length=1)]


class Item(Border):
    """One item of ``experiments:``: an experiment, or with ``matrix`` one for each combination of its values."""

    id: Text | None = Field(
        default=None, description="The experiment's name; in a matrix a pattern with {placeholders}."
    )
    name: Word | None = Field(default=None, description="The matrix's name, first part of its ids.")
    command: Annotated[Text, AfterValidator(_command)] | None = Field(default=None, description="Shell text; required.")
    expected_duration_hours: Hours | None = Field(default=None, description="Hours a run should take, above 0.")
    phase: Phase | None = Field(default=None, description="Phase of the study, kept as written.")
    group: Group | None = Field(default=None, description="Exactly main, baseline, ablation or analysis.")
    method: Word | None = Field(default=None, description="Method under test.")
    dataset: Word | None = Field(default=None, description="Data set.")
    seed: Whole | None = Field(default=None, ge=-(2**63), lt=2**63, description="Random seed; one experiment a seed.")
    host: Word | None = Field(default=None, description="A host's name or a pattern such as gpu*; default: any.")
    gpu: Annotated[int | str, BeforeValidator(_gpu)] | None = Field(
        default=None, description="One certain GPU; 0 is one."
    )
    executor: Literal["autolab", "external"] | None = Field(default=None, description="Who runs it.")
    depends_on: tuple[Word, ...] = Field(default=(), description="Ids of experiments that must be done first.")
    env: EnvMap = Field(default_factory=dict, description="Environment variables of the command.")
    resources: ResourceSettings | None = Field(default=None, description="What one run needs.")
    result_file: Annotated[Word, AfterValidator(result_path)] | None = Field(
        default=None, description="The file a good run leaves, relative to the project."
    )
    checkpoint_dir: NearPath | None = Field(default=None, description="Folder for checkpoints.")
    resume: Annotated[Word, AfterValidator(_flag)] | None = Field(
        default=None, description="Flag with which the command goes on from its checkpoints, such as --resume."
    )
    max_retries: Whole | None = Field(default=None, ge=0, le=1000, description="Failures that are tried again.")
    priority: Whole | None = Field(default=None, ge=-1_000_000, le=1_000_000, description="Greater goes first.")
    stage: Whole | None = Field(default=None, ge=1, le=1000, description="A stage waits for the one before it.")
    first_step: FirstStepSettings | None = Field(default=None, description="What a run prints soon after its start.")
    notes: Text = Field(default="", description="For people.")
    early_stop_check_after: Whole | None = Field(default=None, ge=0, description="Runs before the early-stop check.")
    early_stop_threshold_pct: Number | None = Field(default=None, description="Least improvement, percentage points.")
    early_stop_metric: Word | None = Field(default=None, description="Metric that the check compares.")
    git_commit: Word | None = Field(default=None, description="Commit it was designed for.")
    pbs_script_path: Word | None = Field(default=None, description="A PBS script written for it.")
    gadi_walltime_hours: Number | None = Field(default=None, gt=0, description="Walltime asked of PBS, hours.")
    duration_basis: Text | None = Field(default=None, description="What the expected duration rests on.")
    estimated_vram_mb: Number | None = Field(default=None, gt=0, description="MB it takes of a GPU; see gpu_mem.")
    paper_reported: Any = Field(default=None, description="What a paper reports for it.")
    experiment_id: Word | None = Field(default=None, description="The design's experiment that this is a run of.")
    extra: dict[Word, Any] = Field(default_factory=dict, description="Keys of your own, kept as they are.")
    matrix: Axes | None = Field(default=None, description="Keys, each with the values to combine.")
    include: tuple[Cell, ...] = Field(default=(), description="Combinations to add to the matrix.")
    exclude: tuple[Cell, ...] = Field(default=(), description="Combinations, whole or in part, to leave out.")

    @model_validator(mode="after")
    def _whole(self) -> Item:
        if self.matrix is None and (self.include or self.exclude or self.name):
            raise ValueError("name, include and exclude belong to a matrix\nadd `matrix:`, or take them out")
        if taken := sorted((self.extra.keys() & Item.model_fields.keys()) | (self.extra.keys() & OURS)):
            raise ValueError(f"extra.{taken[0]}: autolab's own key\nchoose another name")
        return self


class ExperimentsFile(Border):
    """``experiments.yaml``: what to run."""

    experiments: tuple[Item, ...] = Field(description="Experiments and matrices of them.")


def missing(item: Item, defaults: Defaults) -> list[str]:
    """The required keys that neither ``item`` nor ``defaults`` says."""
    return [key for key in REQUIRED if getattr(item, key) is None and getattr(defaults, key, None) is None]


def spec_of(item: Item, defaults: Defaults) -> Spec:
    """What the engine runs for ``item``; nothing may be ``missing``, and no matrix left to expand."""
    said: dict[str, Any] = {key: getattr(item, key) for key in REQUIRED}
    for key in _DEFAULTED:
        if said[key] is None:
            said[key] = getattr(defaults, key)
    extra = {key: getattr(item, key) for key in _KEPT if getattr(item, key) is not None}
    return Spec(
        **said,
        host=item.host or defaults.host,
        gpu=item.gpu,
        executor=item.executor or defaults.executor,
        depends_on=tuple(dict.fromkeys(item.depends_on)),
        env={**defaults.env, **item.env},
        resources=_resources(item, defaults.resources),
        result_file=item.result_file,
        checkpoint_dir=item.checkpoint_dir,
        resume=item.resume or "",
        max_retries=defaults.max_retries if item.max_retries is None else item.max_retries,
        priority=defaults.priority if item.priority is None else item.priority,
        stage=defaults.stage if item.stage is None else item.stage,
        first_step=_first_step(item.first_step or defaults.first_step),
        notes=item.notes,
        extra=extra | item.extra,
    )


def _first_step(said: FirstStepSettings | None) -> FirstStep | None:
    return None if said is None else FirstStep(patterns=said.patterns, within_s=said.within.total_seconds())


def _resources(item: Item, defaults: ResourceSettings) -> Resources:
    """The item's own, key by key over the defaults; a certain GPU is one GPU."""
    said = {key: getattr(defaults, key) for key in ResourceSettings.model_fields}
    if item.resources is not None:
        said |= {key: getattr(item.resources, key) for key in item.resources.model_fields_set}
    walltime = said["walltime"]
    gpus = max(said["gpus"], 1) if item.gpu is not None else said["gpus"]
    return Resources(
        cpus=said["cpus"],
        gpus=gpus,
        mem_mib=said["mem"],
        walltime_s=None if walltime is None else walltime.total_seconds(),
        gpu_mem_mib=said["gpu_mem"],
        gpu_share=said["gpu_share"],
    )


def phase_name(phase: str) -> tuple[str, bool]:
    """A phase for comparing, and whether it is archived: ``Phase 4 (archived)`` is (``4``, True), ``pilot`` itself."""
    name = _ARCHIVED.sub("", phase)
    return name.strip().casefold().removeprefix("phase").strip() or name.casefold(), name != phase


def same_spec(a: Spec, b: Spec) -> bool:
    """Whether two designs are the same: adding one over the other changes nothing."""
    return not spec_diff(a, b)


def spec_diff(old: Spec, new: Spec) -> dict[str, tuple[Any, Any]]:
    """What differs, key by key: ``(old, new)``; of mappings the members, as ``env.NAME``, ``resources.gpus``."""
    before, after = _flat(old), _flat(new)
    keys = [*before, *(key for key in after if key not in before)]
    return {
        key: (before.get(key), after.get(key))
        for key in keys
        if before.get(key) != after.get(key) or (key in before) != (key in after)
    }


def _flat(spec: Spec) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in Spec.__dataclass_fields__:
        value = getattr(spec, name)
        if isinstance(value, Resources):
            flat |= {f"resources.{key}": getattr(value, key) for key in Resources.__dataclass_fields__}
        elif isinstance(value, Mapping):
            flat |= {key if name == "extra" else f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat
