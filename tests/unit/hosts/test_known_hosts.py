"""Which keys a known_hosts file makes known, line by line."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from autolab.hosts.known_hosts import HostKey, keys_of

KEY = HostKey("ssh-ed25519", b"one")
OTHER = HostKey("ecdsa-sha2-nistp256", b"two")


def line(names: str, key: HostKey = KEY, marker: str = "") -> str:
    return f"{marker} {names} {key.kind} {base64.b64encode(key.blob).decode()} a comment".strip()


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("names", "name", "known"),
    [
        ("gpu7", "gpu7", True),
        ("gpu7,10.0.0.7", "10.0.0.7", True),
        ("GPU7", "gpu7", True),
        ("gpu*", "gpu7", True),
        ("gpu?", "gpu17", False),
        ("gpu*,!gpu7", "gpu7", False),
        ("!gpu7,gpu*", "gpu8", True),
        ("[gpu7]:2222", "[gpu7]:2222", True),
        ("[gpu7]:2222", "gpu7", False),
        ("[gpu7]:2222", "[gpu7]:2200", False),
        ("gpu7", "[gpu7]:2222", True),
        ("[gpu*]:2222", "[gpu7]:2222", True),
        (hashed("gpu7"), "gpu7", True),
        (hashed("[gpu7]:2222"), "[gpu7]:2222", True),
        (hashed("gpu8"), "gpu7", False),
        ("|1|%%|%%", "gpu7", False),
        ("::1", "::1", True),
    ],
)
def test_a_line_names_a_host_or_not(names: str, name: str, known: bool) -> None:
    assert keys_of(name, [line(names)]).keys == ((KEY,) if known else ())


def test_all_keys_of_a_host_are_known_in_the_order_of_the_files_each_once() -> None:
    assert keys_of("gpu7", [line("gpu7", OTHER), line("gpu7"), line("*", OTHER)]).keys == (OTHER, KEY)


def test_a_key_under_host_and_port_hides_the_one_of_the_bare_name() -> None:
    assert keys_of("[gpu7]:2222", [line("gpu7", OTHER), line("[gpu7]:2222")]).keys == (KEY,)


def test_a_revoked_key_is_not_known() -> None:
    known = keys_of("gpu7", [line("*", marker="@revoked")])
    assert (known.keys, known.revoked) == ((), (KEY,))


@pytest.mark.parametrize("nonsense", ["", "# gpu7 ssh-ed25519 AAAA", "gpu7", "gpu7 ssh-ed25519", "gpu7 ssh-ed25519 !!"])
def test_a_line_that_makes_no_sense_makes_no_key_known(nonsense: str) -> None:
    assert keys_of("gpu7", [nonsense, line("gpu7")]).keys == (KEY,)


def test_a_certificate_authority_makes_no_key_known() -> None:
    assert keys_of("gpu7", [line("*", marker="@cert-authority")]).keys == ()


def test_a_fingerprint_is_written_as_ssh_keygen_writes_it() -> None:
    assert HostKey("ssh-ed25519", b"").fingerprint == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
