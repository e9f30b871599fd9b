"""What a script promises, read from its text."""

from __future__ import annotations

import pytest

from autolab.rules.contract import FLAGS, Finding, findings, script_of

WHOLE = "\n".join(f"parser.add_argument({flag!r})" for flag in FLAGS)


@pytest.mark.rule("1.10")
def test_a_script_with_every_flag_and_no_path_of_its_own_keeps_the_contract() -> None:
    assert findings(WHOLE) == []
    assert findings(WHOLE.replace("--checkpoint-dir", "--checkpoint_dir").replace("'", '"')) == []


@pytest.mark.rule("1.10")
def test_each_flag_that_is_missing_is_named() -> None:
    for flag in FLAGS:
        assert findings(WHOLE.replace(flag, "--other")) == [Finding(f"lacks {flag}")]
    assert len(findings("# '--seed'")) == len(FLAGS)


@pytest.mark.rule("1.10")
@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("torch.save(model, 'checkpoints/best.pt')", True),
        ('save("/scratch/me/ckpt_17/last.pt")', True),
        ("save('runs/e1/checkpoint-500')", True),
        ("save(args.checkpoint_dir + '/last.pt')", False),
        ("load('https://example.org/checkpoints/base.pt')", False),
        ("print('checkpointing')", False),
        ("print('saved a checkpoint')", False),
    ],
)
def test_a_checkpoint_path_in_the_text_is_shown_with_its_line(line: str, own: bool) -> None:
    found = findings(f"{WHOLE}\n{line}\n")
    assert [each.line for each in found] == ([len(FLAGS) + 1] if own else [])


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("python3 train.py --seed 0", "train.py"),
        ("CUDA=1 python -u 'my dir/train.py' | tee log", "my dir/train.py"),
        ("bash run.sh", None),
        ("echo 'unclosed", None),
        ("python --config=a.py", None),
    ],
)
def test_the_script_of_a_command_is_found_or_it_is_not(command: str, script: str | None) -> None:
    assert script_of(command) == script
