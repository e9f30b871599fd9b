"""The lines of the journal: what is sealed comes back, and a head gives its snapshot as the text that it is."""

from __future__ import annotations

import pytest

from autolab.store.journal_lines import BadLine, head_line, read_head, seal_line


def test_a_head_gives_the_snapshots_own_text_whatever_stands_in_its_strings() -> None:
    snapshot = b'{"notes":"a \\",\\"snapshot\\":{} b","n": 1e2}'
    lab = 'l",\\"snapshot\\":'
    head, text = read_head(head_line(lab, 7, snapshot)[:-1])
    assert (head, text) == ({"format": 2, "lab": lab, "seq": 7}, snapshot)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (seal_line(b'{"format":2}'), "no snapshot"),
        (seal_line(b'{"format":,"snapshot":{}}'), "not JSON"),
        (head_line("l", 1, b"{}").replace(b'"l"', b'"m"'), "checksum does not match"),
        (b'{"format":2,"snapshot":{}}\n', "no checksum"),
    ],
)
def test_a_head_that_is_not_what_was_written_is_damage(line: bytes, words: str) -> None:
    with pytest.raises(BadLine, match=words):
        read_head(line[:-1])
