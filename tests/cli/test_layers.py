"""`--security` and `--muxer`: names, typos, warnings, and what comes of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import pytest

from aiolibp2p import HostConfig
from aiolibp2p.assembly import assemble
from aiolibp2p.assembly.config import DEFAULT_MUXERS, DEFAULT_SECURITIES
from aiolibp2p.cli import layers
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.errors import ConfigError
from cli.running import complaint, listening, p2p

NOWHERE = "/ip4/127.0.0.1/tcp/1"


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    layers.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with listening("node", "--security", "plaintext", "--security", "noise", "--muxer", "mplex,yamux") as address:
        yield address


@pytest.mark.parametrize(("option", "known"), [("security", layers.SECURITIES), ("muxers", layers.MUXERS)])
def test_the_names_are_those_of_the_assembly(option: str, known: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=f"known: {', '.join(known)}$"):
        assemble(HostConfig(**{option: ["typo"]}))  # type: ignore[arg-type]


def test_the_help_tells_the_defaults() -> None:
    text = " ".join(p2p("node", "--help").stdout.split())
    assert f"(default: {','.join(DEFAULT_SECURITIES)})" in text
    assert f"(default: {','.join(DEFAULT_MUXERS)})" in text


@pytest.mark.parametrize(
    ("arguments", "options", "typed"),
    [
        ([], {}, ""),
        (["--security", "tls"], {"security": ["tls"]}, " --security tls"),
        (["--security", "tls, noise"], {"security": ["tls", "noise"]}, " --security 'tls, noise'"),
        (["--muxer", "mplex", "--muxer", "yamux"], {"muxers": ["mplex", "yamux"]}, " --muxer mplex,yamux"),
    ],
)
def test_names_in_order_of_preference(arguments: list[str], options: dict[str, list[str]], typed: str) -> None:
    assert layers.options(parsed(*arguments)) == options
    assert layers.typed(parsed(*arguments)) == typed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--security", "nosie"], "--security takes noise, tls, plaintext or secio, not 'nosie'; did you mean noise?"),
        (["--security", "TLS"], "not 'TLS'; did you mean tls?"),
        (["--muxer", "quic"], "--muxer takes yamux or mplex, not 'quic'"),
        (["--muxer", "yamux,"], "not an empty name"),
        (["--muxer", ""], "not an empty name"),
        (["--security", "noise", "--security", "noise"], "--security names noise twice"),
        (["--security", "\x1b[31m" + "x" * 999], "not '\\x1b[31mxxx"),
    ],
)
def test_what_is_no_name(arguments: list[str], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        layers.options(parsed(*arguments))
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "command", [["node"], ["ping", NOWHERE], ["identify", NOWHERE], ["perf", "--server-address", "h:1"]]
)
def test_every_command_refuses_typos(command: list[str]) -> None:
    assert "did you mean yamux?" in complaint(p2p(*command, "--muxer", "yamx"), 2)


@pytest.mark.parametrize(("security", "protocol_id"), [("plaintext", "/plaintext/2.0.0"), ("noise", "/noise")])
@pytest.mark.parametrize("muxer", layers.MUXERS)
def test_what_was_chosen_is_spoken(security: str, protocol_id: str, muxer: str, address: str) -> None:
    done = p2p("identify", address, "--json", "--security", security, "--muxer", muxer)
    assert done.returncode == 0, done.stderr
    who = json.loads(done.stdout)
    assert who["security"] == protocol_id
    assert muxer in who["muxer"]
    assert ("protects nothing" in done.stderr) == (security == "plaintext")


def test_nothing_in_common_names_the_options(address: str) -> None:
    said = complaint(p2p("ping", address, "-c", "1", "--security", "tls"), 1)
    assert "the peer does not support /tls/1.0.0" in said
    assert "--security and --muxer take names" in said


@pytest.mark.parametrize(
    ("option", "name", "warning"),
    [
        ("--security", "plaintext", "protects nothing"),
        ("--security", "secio", "deprecated"),
        ("--muxer", "mplex", "deprecated"),
    ],
)
@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_weak_layers_are_warned_of_once(option: str, name: str, warning: str, verbose: list[str]) -> None:
    said = p2p("ping", NOWHERE, option, name, *verbose).stderr
    assert sum(warning in line for line in said.splitlines()) == 1
