"""Hosts as ``autolab.yaml`` names them: how they are reached, what they offer, what a command runs in there."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from autolab.model.border import TAG, Border, Text, Whole, Word, kind_of
from autolab.model.card import CARD_DIR
from autolab.model.ids import is_host
from autolab.model.units import MemoryMib

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_ALIAS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:%-]{0,254}")


def _host_name(text: str) -> str:
    if not is_host(text):
        raise ValueError("no well-formed host name\n1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit")
    return text


def _alias(text: str) -> str:
    if not _ALIAS.fullmatch(text):
        raise ValueError("is no OpenSSH alias\na Host of your ssh config, or a host name; options do not belong here")
    return text


def variable(text: str) -> str:
    """``text``, if it may name an environment variable; raises ValueError."""
    if not _VARIABLE.fullmatch(text):
        raise ValueError("no name for an environment variable\nletters, digits and _, not beginning with a digit")
    return text


def _remote_folder(text: str) -> str:
    """Absolute or under the home folder, and nothing that climbs."""
    if not text.startswith(("/", "~/")) or ".." in text.split("/"):
        raise ValueError("must be an absolute path, or begin with ~/\nwithout '..'")
    return text.rstrip("/") or "/"


def _near_path(text: str) -> str:
    """Absolute, under the home folder, or inside the project; nothing that climbs or looks like an option."""
    if text.startswith("-") or ".." in text.split("/") or (text.startswith("~") and not text.startswith("~/")):
        raise ValueError("must be a path inside the project, an absolute one, or begin with ~/\nwithout '..'")
    return text.rstrip("/") or "/"


def _gpus(given: object) -> object:
    """``none``, ``auto``, how many, or which."""
    if given in ("none", "auto"):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 1024:
        return given
    if isinstance(given, (list, tuple)) and all(type(each) is int and 0 <= each <= 1024 for each in given):
        if len(set(given)) != len(given):
            raise ValueError("an index stands twice")
        return tuple(given)
    raise ValueError("must be none, auto, a number, or a list of indices such as [0, 1]")


def _avoided(given: object) -> object:
    """An index, or a model's name or part of it."""
    if type(given) is int and 0 <= given <= 1024:
        return str(given)
    if isinstance(given, str) and given.strip() and len(given) <= 100:
        return given.strip()
    raise ValueError("must be an index such as 3, or a model such as RTX A6000")


RemoteFolder = Annotated[Word, AfterValidator(_remote_folder)]
NearPath = Annotated[Word, AfterValidator(_near_path)]
AvoidedGpu = Annotated[
    str, BeforeValidator(_avoided), WithJsonSchema({"type": ["integer", "string"], "examples": [3, "RTX A6000"]})
]
GpuProbe = Literal["auto", "nvidia-smi", "amd-smi", "mx-smi", "gnvitop", "none"]
HostName = Annotated[Word, AfterValidator(_host_name)]
Variable = Annotated[Word, AfterValidator(variable)]
GpuOffer = Annotated[
    Literal["none", "auto"] | int | tuple[int, ...],
    BeforeValidator(_gpus),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["none", "auto"]},
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True},
            ]
        }
    ),
]


MADE_FROM: Final = ("requirements.txt", "environment.yml", "environment.yaml", "pyproject.toml", "setup.py", "uv.lock")


class _Made(Border):
    """What an environment is made with, and anew when that changes."""

    create: tuple[Text, ...] = Field(
        default=(), description="Shell text, one piece each, that makes it where it is missing; run in the code."
    )
    install: tuple[Text, ...] = Field(
        default=(), description="Shell text that puts its packages in, run inside it, such as pip install -r FILE."
    )
    made_from: tuple[NearPath, ...] = Field(
        default=MADE_FROM, description="Files of the project; when one changes, the packages are put in again."
    )


class NoEnv(Border):
    """The command runs in the host's own environment."""

    kind: Literal["none"] = "none"


class VenvEnv(_Made):
    """The command runs with a virtual environment's bin folder first in PATH."""

    kind: Literal["venv"]
    path: NearPath = Field(
        default=".venv", description="The environment's folder; relative to the project's on the host."
    )
    python: Word = Field(
        default="python3", description="The program that makes it where it is missing: PYTHON -m venv."
    )

    @model_validator(mode="after")
    def _program(self) -> VenvEnv:
        if self.python.startswith("-"):
            raise ValueError("`python` is no program\na name such as python3.12, or a path")
        return self


class CondaEnv(_Made):
    """The command runs under ``conda run``."""

    kind: Literal["conda"]
    name: Word | None = Field(default=None, description="The environment's name; or give `prefix`.")
    prefix: RemoteFolder | None = Field(default=None, description="The environment's folder; or give `name`.")
    conda: RemoteFolder | None = Field(default=None, description="The conda program, where it is in no usual place.")
    file: NearPath | None = Field(
        default=None, description="File of the project that describes it: conda env create --file FILE."
    )

    @model_validator(mode="after")
    def _one(self) -> CondaEnv:
        if (self.name is None) == (self.prefix is None):
            raise ValueError("exactly one of `name` and `prefix` is needed")
        if self.name is not None and (self.name.startswith("-") or "/" in self.name):
            raise ValueError("`name` is no name of a conda environment\nfor a folder use `prefix`")
        return self


class UvEnv(_Made):
    """The command runs under ``uv run``; the environment lies in the project's folder on the host."""

    kind: Literal["uv"]
    project: NearPath | None = Field(
        default=None,
        description="Folder with pyproject.toml, relative to the project's on the host; default: the code that runs.",
    )


class CommandsEnv(_Made):
    """Shell text that runs before each command, in the same shell."""

    kind: Literal["commands"]
    commands: tuple[Text, ...] = Field(
        min_length=1, description="Shell text, one piece each; a failing one ends the attempt."
    )


EnvSettings = Annotated[
    Annotated[NoEnv, Tag(f"{TAG}none")]
    | Annotated[VenvEnv, Tag(f"{TAG}venv")]
    | Annotated[CondaEnv, Tag(f"{TAG}conda")]
    | Annotated[UvEnv, Tag(f"{TAG}uv")]
    | Annotated[CommandsEnv, Tag(f"{TAG}commands")],
    Discriminator(kind_of),
]


class _Host(Border):
    slots: Whole = Field(default=1, ge=1, le=10_000, description="How many experiments may run there at once.")
    gpus: GpuOffer = Field(
        default="none", description="GPUs to give out: none, auto (ask the host), how many, or which."
    )
    gpu_probe: GpuProbe = Field(
        default="auto", description="Tool asked about the GPUs; auto: the vendor's that is there; none: never asked."
    )
    gpu_avoid: tuple[AvoidedGpu, ...] = Field(
        default=(), description="GPUs never given out there: indices, and models or parts of their names."
    )
    gpu_share: Whole = Field(
        default=1, ge=1, le=64, description="How many experiments may be on one GPU; each must say its gpu_mem."
    )
    card_dir: RemoteFolder = Field(
        default=CARD_DIR, description="Folder on the host where GPUs are reserved; the same for all labs and users."
    )
    cpus: Whole | None = Field(default=None, ge=1, le=100_000, description="Cores given out; default: not counted.")
    mem: MemoryMib | None = Field(default=None, description="Memory given out; default: not counted.")
    env: EnvSettings = Field(default_factory=NoEnv, description="What the command runs in.")
    state_dir: RemoteFolder = Field(
        default="~/.local/state/autolab",
        description="Claims and logs of attempts; a file system with hard links, outside synced or purged folders.",
    )
    data: tuple[NearPath, ...] = Field(default=(), description="Paths that stay on the host and are never sent.")


class LocalHost(_Host):
    """This machine."""

    kind: Literal["local"]
    dir: RemoteFolder | None = Field(
        default=None, description="The project's folder there; default: the project itself."
    )


class SshHost(_Host):
    """A machine reached by SSH."""

    kind: Literal["ssh"]
    ssh: Annotated[Word, AfterValidator(_alias)] | None = Field(
        default=None, description="An alias of your OpenSSH configuration; default: the host's name here."
    )
    dir: RemoteFolder | None = Field(
        default=None, description="The project's folder there; default: ~/autolab/<project>."
    )
    logins_per_hour: Whole = Field(default=60, ge=1, le=100_000, description="Budget of new logins an hour.")


HostSettings = Annotated[
    Annotated[LocalHost, Tag(f"{TAG}local")] | Annotated[SshHost, Tag(f"{TAG}ssh")], Discriminator(kind_of)
]
