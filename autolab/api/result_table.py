"""Which shape each command's ``data`` has; the schemas of ``--json`` are made from it."""

from __future__ import annotations

from typing import Final

from autolab.api.code_results import PreflightReport, PullReport
from autolab.api.experiment_results import (
    AddReport,
    AdoptReport,
    Changed,
    EventDocument,
    EventsReport,
    ImportReport,
    ListReport,
    LogReport,
    ShowReport,
    WaitReport,
)
from autolab.api.failure_results import DiagnosisReport, ExamplesReport, TableReport
from autolab.api.gpu_results import GpusReport
from autolab.api.host_results import (
    CheckReport,
    ChecksReport,
    CleanReport,
    ExecReport,
    HostAdded,
    HostsReport,
    HostTrusted,
)
from autolab.api.lease_results import LeaseMoved, LeaseReport, LeaseTaken, RecoverReport, ReplayReport
from autolab.api.notify_results import NotifiersReport, SendReport
from autolab.api.question_results import AskReport, AsksReport, CodeSent
from autolab.api.results import (
    CompletionReport,
    ConfigReport,
    DemoReport,
    InitReport,
    InstallReport,
    PollResult,
    SchemaReport,
    StatusReport,
    StopReport,
)

RESULTS: Final[dict[str, type]] = {
    "host-gpus": GpusReport,
    "check": CheckReport,
    "clean": CleanReport,
    "host-add": HostAdded,
    "host-trust": HostTrusted,
    "init": InitReport,
    "add": AddReport,
    "run": AddReport,
    "poll": PollResult,
    "daemon": PollResult,
    "daemon-install": InstallReport,
    "daemon-stop": StopReport,
    "status": StatusReport,
    "ps": ListReport,
    "show": ShowReport,
    "logs": LogReport,
    "diagnose": DiagnosisReport,
    "diagnose-table": TableReport,
    "diagnose-test": ExamplesReport,
    "history": EventsReport,
    "events": EventsReport,
    "event": EventDocument,
    **dict.fromkeys(("cancel", "hold", "release", "retry"), Changed),
    "adopt": AdoptReport,
    "import": ImportReport,
    "pull": PullReport,
    "decide": Changed,
    "ask-list": AsksReport,
    "ask-show": AskReport,
    "ask-code": CodeSent,
    "wait": WaitReport,
    "host-list": HostsReport,
    "host-test": ChecksReport,
    "host-exec": ExecReport,
    "host-drain": Changed,
    "host-resume": Changed,
    "config-list": ConfigReport,
    "config-get": ConfigReport,
    "doctor": ChecksReport,
    "lease-show": LeaseReport,
    "lease-take": LeaseTaken,
    "lease-move": LeaseMoved,
    "recover": RecoverReport,
    "preflight": PreflightReport,
    "replay": ReplayReport,
    "demo": DemoReport,
    "completion": CompletionReport,
    "schema": SchemaReport,
    "notify-list": NotifiersReport,
    "notify-test": SendReport,
    "notify-send": Changed,
}
