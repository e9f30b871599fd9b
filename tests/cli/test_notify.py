"""``autolab notify``, and the page about it, as a person meets them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest

from autolab.resources import data
from tests.cli.conftest import Autolab
from tests.sinks import web_sink

PAGE = Path(__file__).parents[2] / "docs" / "telling.md"
TOLD = "notify: [{name: phone, url: {variable: TELEGRAM_URL}}]\n"


def checked(autolab: Autolab, name: str, *words: str, code: int = 0) -> object:
    """What stands in the envelope, after it was held against its schema."""
    said = autolab(*words, "--json")
    assert said.code == code, said.err
    schema = json.loads((data("schemas") / f"cli-{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(said.out))
    return said.data


@pytest.mark.rule("1.51")
def test_every_command_of_the_page_does_what_it_says(
    study: Path, autolab: Autolab, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise", reason="the extra notify is not installed")
    with (study / "autolab.yaml").open("a") as settings:
        settings.write(TOLD)
    with web_sink() as web:
        monkeypatch.setenv("TELEGRAM_URL", web.url("s3cret-word"))
        for block in re.findall(r"(?ms)^```console\n(.*?)^```$", PAGE.read_text("utf-8")):
            for line in block.splitlines():
                program, *words = shlex.split(line.removeprefix("$ "))
                said = autolab(*words)
                assert (program, said.code) == ("autolab", 0), f"{line}\n{said.err}"
                assert "s3cret-word" not in said.out + said.err
        assert web.texts == ["This is a test by autolab of the lab study. Nothing needs to be done."]
        assert autolab("poll").code == 0
        assert "Summary: Verdict on the pilots: CONTINUE. 3 of 4 pilots passed" in web.texts[1]
        assert web.texts[1].startswith("[AI Research Pipeline] Phase 5\nStatus: completed\n")
    listed = checked(autolab, "notify-list", "notify", "list")
    assert isinstance(listed, dict)
    assert [(n["name"], n["url"], n["sent"], n["waiting"]) for n in listed["notifiers"]] == [
        ("phone", "variable TELEGRAM_URL", 1, 0)
    ]
    tested = checked(autolab, "notify-test", "notify", "test", code=4)
    assert "s3cret-word" not in json.dumps(tested)


def test_an_address_in_the_settings_is_refused_and_not_repeated(study: Path, autolab: Autolab) -> None:
    for url in ("mailto://me:hunter22@example.org", "[hunter22]", "{variable: hunter22 x}", "{variable: 7}"):
        text = (study / "autolab.yaml").read_text().split("notify:")[0]
        (study / "autolab.yaml").write_text(f"{text}notify: [{{name: phone, url: {json.dumps(url)[1:-1]}}}]\n")
        said = autolab("notify", "list")
        assert said.code == 2
        assert "hunter22" not in said.out + said.err
        assert "notify[0].url" in said.err
    assert "{variable: NAME}" in autolab("notify", "list").err or "variable" in said.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("test",), 2, "no notifier is set"),
        (("send", "blokced"), 3, "did you mean blocked"),
        (("send", "blocked"), 2, "blocked lacks what"),
        (("send", "blocked", "what"), 2, "'what' is no fact"),
        (("send", "blocked", "what=x", "who=y"), 2, "blocked has no who"),
        (("send", "question"), 2, "by the engine itself"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(
    study: Path, autolab: Autolab, words: tuple[str, ...], code: int, message: str
) -> None:
    said = autolab("notify", *words)
    assert said.code == code
    assert message in said.err


def test_without_notifiers_the_list_says_how_to_have_one(study: Path, autolab: Autolab) -> None:
    said = autolab("notify", "list")
    assert "nobody is told anything; to change that: notify: [{name: phone" in said.out
    sent = checked(autolab, "notify-send", "notify", "send", "blocked", "what=the quota", "--key", "one")
    assert sent == checked(autolab, "notify-send", "notify", "send", "blocked", "what=the quota", "--key", "one")
    assert (study / "progress" / "notifications.log").read_text().count("Summary: the quota") == 1
