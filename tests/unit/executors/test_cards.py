"""What vendors' tools say of a host's cards, read from recorded outputs; and what is no answer is not a free card."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from autolab.errors import UnreadableReply
from autolab.executors.dialects.cards import read_cards
from autolab.executors.runner import script
from autolab.model.card import Card, CardReport, CardUser, Reservation
from autolab.model.command import Reply
from tests.builders import T0

DATA = Path(__file__).parents[2] / "data" / "cards"
DEAD = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running."
)
LOST = "Unable to determine the device handle for GPU 0000:CB:00.0: GPU is lost.  Reboot the system to recover this GPU"


def answer(probe: str, *more: str, status: int = 0, **parts: str) -> CardReport:
    """The report of a tool whose parts say this: text, or ``@name`` for a recorded file."""
    lines = ["autolab 1", "host boot\x1fmachine\x1fnode\x1fpid:[1]\x1f1.0", f"probe {probe}"]
    for name, text in parts.items():
        said = (DATA / text[1:]).read_text() if text.startswith("@") else text
        lines += [f"part {name}", *(f"| {line}" for line in said.splitlines()), f"| status {status}"]
    return read_cards(Reply("\n".join([*lines, *more, "over", ""]).encode(), 0), T0, ("gpu2", "lab2"))


def only(report: CardReport) -> list[Card]:
    assert report.problem == ""
    return list(report.cards)


@pytest.mark.rule("1.15")
def test_two_cards_of_nvidia_one_of_them_at_work() -> None:
    use = "use GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77 4711 78000"
    first, second = only(answer("nvidia-smi", use, "owner 4711 ana altoken", gpus="@nvidia-h100.gpus"))
    assert first == Card(
        "0", "GPU-c08d91cb-e324-655c-71ba-7570956445bc", "NVIDIA H100 80GB HBM3",
        "GPU-c08d91cb-e324-655c-71ba-7570956445bc", 81559, 4, 0,
    )  # fmt: skip
    assert (second.utilization, second.used_mib) == (99, 78120)
    assert second.users == (CardUser(4711, "ana", 78000, "altoken"),)


@pytest.mark.rule("1.15")
def test_mig_instances_take_the_place_of_their_card() -> None:
    report = answer(
        "nvidia-smi", "use 0/3/0 50123 18000", "owner 50123 bob ", gpus="@nvidia-a100-mig.gpus",
        list="@nvidia-a100-mig.list", table="@nvidia-a100-mig.table",
    )  # fmt: skip
    cards = {card.index: card for card in only(report)}
    assert list(cards) == ["0:0", "0:1", "0:2", "0:3", "1"]
    whole = cards["0:0"]
    assert (whole.uuid, whole.memory_mib, whole.used_mib) == ("MIG-d771d938-b556-4f9d-b742-2dd26b864023", 40192, 19)
    assert (whole.model, whole.utilization, whole.problem) == ("NVIDIA A100 80GB PCIe MIG 3g.40gb", None, "")
    assert [card.users for card in cards.values()] == [(), (CardUser(50123, "bob", 18000),), (), (), ()]
    assert cards["1"].model == "Tesla V100-PCIE-32GB"


def test_a_card_whose_numbers_are_words_is_not_known_and_its_neighbour_is() -> None:
    broken, good = only(answer("nvidia-smi", gpus="@nvidia-reset.gpus"))
    assert broken.problem == "the tool says [GPU requires reset] for its memory or use"
    assert good.problem == ""


def test_a_card_that_is_lost_makes_the_others_unknown_too() -> None:
    said = f"{LOST}\n" + (DATA / "nvidia-h100.gpus").read_text()
    cards = only(answer("nvidia-smi", gpus=said, status=15))
    assert [card.problem for card in cards] == ["the driver lost card 0000:CB:00.0: GPU is lost"] * 2


@pytest.mark.parametrize(
    ("probe", "parts", "status", "words"),
    [
        ("nvidia-smi", {"gpus": DEAD}, 9, "couldn't communicate with the NVIDIA driver"),
        ("nvidia-smi", {"gpus": LOST}, 15, "GPU is lost"),
        ("nvidia-smi", {"gpus": ""}, 124, "it did not answer"),
        ("nvidia-smi", {"gpus": "0, 1, 2, 3, 4, 5, 6"}, 0, "UUID"),
        ("nvidia-smi", {"gpus": "hello"}, 0, "hello"),
        ("nvidia-smi", {"gpus": "@nvidia-h100.gpus"}, 1, "NVIDIA H100"),
        ("nvidia-smi", {}, 0, "it did not answer"),
        ("nvidia-smi", {"gpus": "0, GPU-a, m, 1, 1, 1\n0, GPU-b, m, 1, 1, 1"}, 0, "an index stands twice"),
        ("nvidia-smi", {"gpus": "0, GPU-$(reboot), m, 1, 1, 1"}, 0, "a card is called"),
        ("nvidia-smi", {"gpus": "@nvidia-a100-mig.gpus"}, 0, "it did not answer"),
        ("amd-smi", {"list": "not json", "static": "[]", "metric": "[]"}, 0, "no JSON"),
        ("amd-smi", {"list": "[" * 100_000, "static": "[]", "metric": "[]"}, 0, "no JSON"),
        ("amd-smi", {"list": '{"error": 1}', "static": "[]", "metric": "[]"}, 0, "gpu_data"),
        ("amd-smi", {"list": "sh: amd-smi: not found", "static": "", "metric": ""}, 127, "not found"),
        ("mx-smi", {"list": "mx-smi  version: 2.3.1", "table": ""}, 0, "no card in a form that is known"),
        ("gnvitop", {"agent": '[{"host": "a", "gpus": []}, {"host": "b", "gpus": []}]'}, 0, "not of this host"),
        ("gnvitop", {"agent": "null"}, 0, "gnvitop: "),
        ("other", {}, 0, "other"),
    ],
)
def test_what_is_no_answer_is_said_and_no_card_comes_of_it(
    probe: str, parts: dict[str, str], status: int, words: str
) -> None:
    report = answer(probe, status=status, **parts)
    assert report.cards == ()
    assert words in report.problem


def test_an_answer_that_was_cut_is_no_answer() -> None:
    with pytest.raises(UnreadableReply):
        read_cards(Reply(b"autolab 1\nhost\nprobe nvidia-smi\n", 0), T0)


def test_a_machine_without_a_tool_or_without_a_card_has_none_and_nothing_is_wrong() -> None:
    assert answer("") == CardReport(at=T0)
    assert answer("nvidia-smi", gpus="No devices were found", status=6) == CardReport("nvidia-smi", at=T0)


def test_cards_whose_processes_cannot_be_listed_are_not_free() -> None:
    assert "processes" in answer("nvidia-smi", "part users", "| failed", gpus="@nvidia-h100.gpus").problem


@pytest.mark.rule("1.15")
def test_amd() -> None:
    parts = {name: f"@amd-mi300x.{name}" for name in ("list", "static", "metric")}
    busy, idle = only(answer("amd-smi", "use amd-0 28389 -", **parts))
    assert (busy.index, busy.key, busy.model, busy.uuid) == (
        "0",
        "amd-0",
        "AMD Instinct MI300X",
        "GPU-6f1f0a2b3c4d5e6f",
    )
    assert (busy.memory_mib, busy.used_mib, busy.utilization, busy.users) == (196592, 17153, 94, (CardUser(28389),))
    assert (idle.uuid, idle.utilization, idle.used_mib, idle.problem) == ("", 0, 284, "")


@pytest.mark.rule("1.15")
def test_metax() -> None:
    (one,) = only(answer("mx-smi", list="@metax-c500.list", table="@metax-c500.table"))
    assert (one.index, one.model, one.memory_mib, one.used_mib, one.utilization) == ("0", "MetaX C500", 65536, 826, 0)
    assert (one.uuid, one.problem) == ("GPU-33c6c0d2-0c1a-4c3c-8c7f-5d3ff2a0b7a1", "")
    first, second = only(answer("mx-smi", list="@metax-mxc500.list", table="@metax-mxc500.table"))
    assert (first.used_mib, first.problem) == (60982, "")
    assert second.problem == "the tool says Not Available(MetaX Sysfs File Unaccessible)"


@pytest.mark.rule("1.15")
def test_gnvitop_speaks_of_many_hosts_and_ours_is_found_by_name() -> None:
    (one,) = only(answer("gnvitop", agent="@gnvitop.agent"))
    assert (one.index, one.model, one.utilization, one.problem) == ("0", "NVIDIA RTX A6000", 3, "")


def test_reservations_come_with_their_card_and_what_strangers_wrote_is_cut_and_cleaned() -> None:
    name = "GPU-c08d91cb-e324-655c-71ba-7570956445bc"
    held = f"held {name}\x1feve\x1f0badc0de\x1fe\x1b[31m{'x' * 500}\x1fmany\x1fabc\x1fwhole"
    first, _ = only(answer("nvidia-smi", held, gpus="@nvidia-h100.gpus"))
    (one,) = first.reserved
    assert one == Reservation("eve", "0badc0de", one.id, 0, "abc", None)
    assert len(one.id) == 200
    assert "\x1b" not in one.id


USES = {
    "nvidia-smi": ("", ["GPU-5d5 4711 78000", "GPU-5d5 4712 -"], "GPU-5d5, 4711, 78000\nGPU-5d5, 4712, [N/A]\n"),
    "amd-smi": ("", ["amd-0 28389 -"], "@amd-mi300x.process"),
    "mx-smi": ("", ["metax-0 15652 60032", "metax-1 22854 59584"], "@metax-mxc500.table"),
}  # fmt: skip


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def users(bin: Path, tool: str, mig: str = "", shell: str = "sh") -> tuple[int, list[str]]:
    """The processes as the script on the host reads them out of what the tool in ``bin`` says."""
    asked = subprocess.run(
        [shell, "-c", script("cards.sh") + f"al_users {tool} {mig}"],
        env={"PATH": f"{bin}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return asked.returncode, asked.stdout.splitlines()


def tool(bin: Path, name: str, text: str, status: int = 0) -> None:
    said = (DATA / text[1:]).read_text() if text.startswith("@") else text
    (bin / f"{name}.said").write_text(said)
    (bin / name).write_text(f"#!/bin/sh\ncat {bin}/{name}.said\nexit {status}\n")
    (bin / name).chmod(0o755)


@pytest.mark.parametrize("name", USES)
def test_the_host_reads_the_processes_on_the_cards(bin: Path, name: str) -> None:
    mig, lines, said = USES[name]
    tool(bin, name, said)
    assert users(bin, name, mig) == (0, lines)


def test_nobody_on_any_card_is_an_answer_and_garbage_is_none(bin: Path) -> None:
    tool(bin, "nvidia-smi", "")
    assert users(bin, "nvidia-smi") == (0, [])
    tool(bin, "mx-smi", "@metax-c500.table")
    assert users(bin, "mx-smi") == (0, [])
    for name in USES:
        tool(bin, name, "ERR!\n")
        assert users(bin, name)[0] != 0
        tool(bin, name, "", status=9)
        assert users(bin, name)[0] != 0
    assert users(bin, "gnvitop") == (0, [])


def test_processes_of_mig_instances_are_read_from_the_table(bin: Path) -> None:
    (bin / "table").write_text((DATA / "nvidia-a100-mig.table").read_text())
    text = f'#!/bin/sh\ncase "$*" in "") cat {bin}/table ;; *) echo "GPU-4101de38, 50123, 18000" ;; esac\n'
    (bin / "nvidia-smi").write_text(text)
    (bin / "nvidia-smi").chmod(0o755)
    assert users(bin, "nvidia-smi", "mig") == (0, ["GPU-4101de38 50123 18000", "0/3/0 50123 18000"])
