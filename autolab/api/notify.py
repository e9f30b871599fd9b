"""Who is told what happens: the notifiers and how it went, a test of each, an agent's notice, a word sent at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from autolab.api.asking import me, wish_id
from autolab.api.experiments import asked
from autolab.api.project import Project, clock
from autolab.engine.telling import send_now
from autolab.errors import AskedWrong, InvalidSettings, UnknownName
from autolab.model.documents import stamp
from autolab.model.notice import KINDS, said
from autolab.model.outbox import Post
from autolab.model.settings import Notifier, Secret
from autolab.model.wish import Ask, Wish
from autolab.store.outbox import load_outbox

if TYPE_CHECKING:
    from autolab.api.experiment_results import Changed
    from autolab.api.notify_results import NotifierLine, NotifiersReport, SendReport

EXAMPLE: Final = "notify: [{name: phone, url: {variable: TELEGRAM_URL}}] in autolab.yaml"


def notify_list(project: Project) -> NotifiersReport:
    """Every notifier of the settings, where its address is kept, and how sending went. raises StoreDamaged"""
    posts = load_outbox(project.layout, project.files).posts
    lines = [_line(notifier, posts.get(notifier.name, Post())) for notifier in project.settings.notify]
    return {"at": stamp(clock()) or "", "notifiers": lines, "log": str(project.layout.notifications)}


def _line(notifier: Notifier, post: Post) -> NotifierLine:
    return {
        "name": notifier.name,
        "url": kept(notifier.url),
        "events": list(notifier.events),
        "waiting": len(post.waiting),
        "sent": post.sent,
        "last_sent": stamp(post.sent_at),
        "last_failed": stamp(post.failed_at),
        "problem": post.problem,
        "next_try": stamp(post.not_before) if post.waiting else None,
        "given_up": post.given_up,
    }


def kept(secret: Secret) -> str:
    """Where a secret is kept, in words; never what it is."""
    if secret.variable is not None:
        return f"variable {secret.variable}"
    return f"file {secret.file}" if secret.file is not None else f"command {(secret.command or ('',))[0]}"


def notify_test(project: Project, names: Iterable[str] = ()) -> SendReport:
    """Send a test message through these notifiers (default: all), now. It stands in no log and no journal."""
    text = f"This is a test by autolab of the lab {project.settings.project}. Nothing needs to be done."
    return send(project, text, list(names) or [notifier.name for notifier in project.settings.notify])


def send(project: Project, text: str, to: Iterable[str], title: str = "") -> SendReport:
    """Send ``text`` through the notifiers ``to``, now, one try each; it is written down nowhere.

    For what must not stay anywhere, such as a code that is good for one answer.
    raises  UnknownName for a notifier; InvalidSettings where there is none
    """
    known = [notifier.name for notifier in project.settings.notify]
    if not known:
        raise InvalidSettings("nobody is told anything: no notifier is set", hint=EXAMPLE)
    wanted = list(dict.fromkeys(to))
    for name in wanted:
        if name not in known:
            raise UnknownName("notifier", name, known)
    told = send_now(project.settings, project.layout.root, title or project.settings.project, text, wanted)
    return {
        "deliveries": [{"name": name, "sent": not problem, "problem": problem} for name, problem in told.items()],
        "failed": sum(bool(problem) for problem in told.values()),
    }


def notify_send(
    project: Project, kind: str, facts: Mapping[str, str], *, phase: str = "", wandb: str = "", dry_run: bool = False,
    key: str = "",
) -> Changed:  # fmt: skip
    """Announce a notice of ``kind`` to everybody who wants that kind; it goes through journal, log and outbox.

    raises  UnknownName for the kind; InvalidSpec for a fact that is missing or unknown
    """
    said(kind, facts, phase, wandb)
    context = {"facts": dict(facts), "phase": phase, "wandb": wandb}
    wish = Wish(id=wish_id(Ask.TELL, key), ask=Ask.TELL, by=me(), ids=(kind,), context=context)
    return asked(project, wish, dry_run=dry_run)


def facts_of(words: Iterable[str]) -> dict[str, str]:
    """``name=text`` words as facts; raises AskedWrong for one without ``=``."""
    facts: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise AskedWrong(f"{word!r} is no fact", hint="write it as name=text")
        facts[name] = text
    return facts


def kinds() -> list[str]:
    """Every kind of notice."""
    return list(KINDS)
