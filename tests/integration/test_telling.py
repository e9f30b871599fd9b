"""A lab tells people: over real HTTP and SMTP, through services that fail, and without a word of their addresses."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autolab.api.notify import notify_list, notify_send, notify_test, send
from autolab.api.project import open_project
from autolab.errors import InvalidSettings, UnknownName
from tests.integration.test_lab_secrets import files_with, git_says, processes_with
from tests.labhosts import until
from tests.labs import SmallLab, a_table, an_experiment
from tests.sinks import a_free_port, mail_sink, web_sink

pytest.importorskip("apprise", reason="the extra notify is not installed")

LOCAL = {"local": {"kind": "local", "slots": 2}}
QUICK = {"notify_within": "3s", "backoff": ["2s"]}


def notifiers(*names: str, **events: list[str]) -> dict[str, Any]:
    chosen = {name: {"events": events[name]} if name in events else {} for name in names}
    return {"notify": [{"name": n, "url": {"variable": f"{n.upper()}_URL"}, **more} for n, more in chosen.items()]}


def ids(texts: list[str]) -> Counter[str]:
    """The notices that came, however many shared a message."""
    return Counter(line for text in texts for line in text.splitlines() if line.startswith("Id: "))


def posts(lab: SmallLab) -> dict[str, Any]:
    """The outbox as it stands on disk."""
    found: dict[str, Any] = json.loads(lab.layout.outbox.read_bytes())["posts"]
    return found


@pytest.mark.rule("1.51", "1.52")
@pytest.mark.timeout(180)
def test_everybody_is_told_once_whatever_their_services_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = f"canary{secrets.token_hex(12)}"
    later_port = a_free_port()
    some = {"mail": ["question", "phase_done"], "stuck": ["phase_done"]}
    more = {**notifiers("web", "mail", "later", "stuck", **some), "git": {"every": "1s"}}
    with (
        web_sink() as web, mail_sink() as mail, web_sink() as stuck,
        SmallLab(tmp_path, LOCAL, policies=QUICK, more=more) as lab,
    ):  # fmt: skip
        monkeypatch.setenv("WEB_URL", web.url(canary))
        monkeypatch.setenv("MAIL_URL", mail.url())
        monkeypatch.setenv("LATER_URL", f"json://x:{canary}@127.0.0.1:{later_port}/{canary}")
        monkeypatch.setenv("STUCK_URL", stuck.url(canary))
        web.status, stuck.hangs = 500, True
        lab.add(an_experiment("good", **a_table("good")), an_experiment("bad", "false"))
        with lab.engine() as at_work:
            at_work.until_are("done", "good")  # nothing waits for those who cannot be told
            at_work.until_asked("undiagnosed_crash", "bad")
            at_work.until(lambda: len(ids(mail.texts)) == 2, "the mail says both", 60)
            at_work.until(lambda: web.asked > 1 and posts(lab)["web"]["tries"] > 1, "an error is tried again", 60)
            assert any(canary in argv for argv in processes_with(canary.encode())) is False
            web.status = 200
            with web_sink(later_port) as later:  # it was down until now
                at_work.until(lambda: len(ids(web.texts)) == len(ids(later.texts)) == 4, "both are told all", 60)
                at_work.until(lambda: not posts(lab)["web"]["waiting"] and not posts(lab)["later"]["waiting"], "sent")
                assert set(ids(later.texts).values()) == {1}
            assert at_work.questions["bad-1"].reason == "undiagnosed_crash"  # telling answered nothing
        assert str(mail.mails[0]["Subject"]).startswith("small: ")
        told = "\n".join(web.texts)
        assert "Summary: bad: undiagnosed_crash." in told
        assert "Action needed: autolab decide bad-1 retry|accept" in told
        assert "[Phase 4 done] 2 pilots complete (1 done, 1 failed). Top result: acc on d: m (main) 0.5 (n=1)." in told
        log = lab.layout.notifications.read_text()
        assert ids([log]) == ids(web.texts) == Counter(dict.fromkeys(ids(web.texts), 1))
        assert "web: not sent yet: " in log
        assert "error=500" in log
        before = ids(web.texts)
        with lab.engine() as at_work:  # the next engine sends nothing again
            notify_send(open_project(lab.root), "blocked", {"what": "look here"})
            at_work.until(lambda: sum(ids(web.texts).values()) == 5, "what is new is told", 60)
        assert [one for one in ids(web.texts) if one not in before] == [web.texts[-1].splitlines()[-1]]
        assert len(ids(mail.texts)) == 2  # not of the kinds it asked for
        found = files_with(canary.encode(), lab.root, lab.layout.record)
        assert (found, canary.encode() in git_says(lab.root)) == ([], False)
        report = {line["name"]: line for line in notify_list(open_project(lab.root))["notifiers"]}
        assert report["web"]["sent"] == 5
        assert report["web"]["last_failed"]
        assert report["stuck"]["waiting"] == 1
        assert report["stuck"]["problem"] == "no answer within 3 s"
        lab.assert_replay_equals_state()


@pytest.mark.rule("1.51")
def test_a_death_between_journal_and_outbox_loses_no_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_sink() as web, SmallLab(tmp_path, LOCAL, more=notifiers("web", web=["question"])) as lab:
        monkeypatch.setenv("WEB_URL", web.url())
        lab.add(an_experiment("bad", "false"))
        dead = lab.process("poll", "at:outbox.json")
        until(lambda: dead.poll() is not None, "the engine dies before its outbox is written", 60)
        assert dead.returncode == 137
        assert not lab.layout.outbox.exists()
        with lab.engine() as at_work:
            at_work.until(lambda: "Summary: bad: undiagnosed_crash." in "".join(web.texts), "the question is told", 60)
        assert set(ids(web.texts).values()) == {1}
        assert sum(text.count("Summary: bad: undiagnosed_crash") for text in web.texts) == 1
        log = lab.layout.notifications.read_text()
        assert set(ids([log]).values()) == {1}  # also where the log was written and the outbox was not


@pytest.mark.rule("1.51", "B49")
def test_a_word_sent_at_once_stands_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"code{secrets.token_hex(8)}"
    with web_sink() as web, SmallLab(tmp_path, LOCAL, policies=QUICK, more=notifiers("web", "gone")) as lab:
        monkeypatch.setenv("WEB_URL", web.url())
        lab.open_engine().close()
        project = open_project(lab.root)
        report = send(project, f"your code: {code}", ["web"])
        assert report == {"deliveries": [{"name": "web", "sent": True, "problem": ""}], "failed": 0}
        assert web.texts == [f"your code: {code}"]
        assert files_with(code.encode(), lab.root, lab.layout.record) == []
        tested = notify_test(project)
        assert [(line["name"], line["sent"]) for line in tested["deliveries"]] == [("web", True), ("gone", False)]
        assert tested["deliveries"][1]["problem"] == "secret notify.gone.url: the variable GONE_URL is not set"
        with pytest.raises(UnknownName):
            send(project, "x", ["nobody"])


def test_without_notifiers_the_log_still_says_everything(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("bad", "false"))
        with lab.engine() as at_work:
            at_work.until_asked("undiagnosed_crash", "bad")
        assert "Summary: bad: undiagnosed_crash." in lab.layout.notifications.read_text()
        with pytest.raises(InvalidSettings, match="no notifier is set"):
            notify_test(open_project(lab.root))
