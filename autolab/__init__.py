"""autolab: a lab that runs itself out of a git repository.

    from autolab import open_project, add, status

The names below are the public Python API; each is loaded when it is first used.
"""

from __future__ import annotations

import importlib

from autolab._version import __version__

TYPE_CHECKING = False  # type checkers take it for true; ``typing`` itself costs a poll with nothing to do half its time
if TYPE_CHECKING:
    from typing import Any

    from autolab.api.adopting import adopt
    from autolab.api.checks import check
    from autolab.api.cleaning import clean
    from autolab.api.codes import ask_code
    from autolab.api.configuration import config_get, config_list
    from autolab.api.demo import demo
    from autolab.api.doctor import doctor
    from autolab.api.driving import poll, serve
    from autolab.api.experiments import add, cancel, decide, hold, release, retry, run
    from autolab.api.failures import diagnose, failure_examples, failure_table
    from autolab.api.gpus import host_gpus
    from autolab.api.host_setup import host_add, host_trust
    from autolab.api.hosts import drain, host_exec, host_list, host_test, resume
    from autolab.api.importing import import_results
    from autolab.api.install import daemon_install
    from autolab.api.lease import lease_move, lease_show, lease_take
    from autolab.api.logs import events, follow_events, history
    from autolab.api.notify import notify_list, notify_send, notify_test, send
    from autolab.api.output import follow_log, log_text
    from autolab.api.place import Place, find_place, read_state
    from autolab.api.preflight import preflight
    from autolab.api.project import Project, open_project
    from autolab.api.pulling import pull
    from autolab.api.questions import ask_list, ask_show
    from autolab.api.recovery import recover
    from autolab.api.replay import replay
    from autolab.api.schemas import schema
    from autolab.api.setup import init
    from autolab.api.view import ps, show, status
    from autolab.api.waiting import wait_for
    from autolab.errors import AutolabError

# module -> the public names in it; the imports above say the same to type checkers, and a test compares the two.
_PUBLIC = {
    "api.adopting": ("adopt",),
    "api.checks": ("check",),
    "api.cleaning": ("clean",),
    "api.codes": ("ask_code",),
    "api.configuration": ("config_get", "config_list"),
    "api.demo": ("demo",),
    "api.doctor": ("doctor",),
    "api.driving": ("poll", "serve"),
    "api.experiments": ("add", "cancel", "decide", "hold", "release", "retry", "run"),
    "api.failures": ("diagnose", "failure_examples", "failure_table"),
    "api.host_setup": ("host_add", "host_trust"),
    "api.gpus": ("host_gpus",),
    "api.hosts": ("drain", "host_exec", "host_list", "host_test", "resume"),
    "api.importing": ("import_results",),
    "api.install": ("daemon_install",),
    "api.lease": ("lease_move", "lease_show", "lease_take"),
    "api.logs": ("events", "follow_events", "history"),
    "api.notify": ("notify_list", "notify_send", "notify_test", "send"),
    "api.output": ("follow_log", "log_text"),
    "api.place": ("Place", "find_place", "read_state"),
    "api.preflight": ("preflight",),
    "api.project": ("Project", "open_project"),
    "api.pulling": ("pull",),
    "api.questions": ("ask_list", "ask_show"),
    "api.recovery": ("recover",),
    "api.replay": ("replay",),
    "api.schemas": ("schema",),
    "api.setup": ("init",),
    "api.view": ("ps", "show", "status"),
    "api.waiting": ("wait_for",),
    "errors": ("AutolabError",),
}
_WHERE = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [
    "AutolabError",
    "Place",
    "Project",
    "__version__",
    "add",
    "adopt",
    "ask_code",
    "ask_list",
    "ask_show",
    "cancel",
    "check",
    "clean",
    "config_get",
    "config_list",
    "daemon_install",
    "decide",
    "demo",
    "diagnose",
    "doctor",
    "drain",
    "events",
    "failure_examples",
    "failure_table",
    "find_place",
    "follow_events",
    "follow_log",
    "history",
    "hold",
    "host_add",
    "host_exec",
    "host_gpus",
    "host_list",
    "host_test",
    "host_trust",
    "import_results",
    "init",
    "lease_move",
    "lease_show",
    "lease_take",
    "log_text",
    "notify_list",
    "notify_send",
    "notify_test",
    "open_project",
    "poll",
    "preflight",
    "ps",
    "pull",
    "read_state",
    "recover",
    "release",
    "replay",
    "resume",
    "retry",
    "run",
    "schema",
    "send",
    "serve",
    "show",
    "status",
    "wait_for",
]


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562): ``import autolab`` alone costs nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module 'autolab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"autolab.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
