"""The pre-shared key of a private network, and the file it is kept in."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import string
from collections.abc import Callable, Mapping

from aiolibp2p.errors import ConfigError
from aiolibp2p.peer import key_file
from aiolibp2p.security.pnet.salsa20 import salsa20_block

KEY_BYTES = 32
"""The length of a key, in bytes."""

MAX_FILE_BYTES = 1024
"""The longest key file that is read, in bytes; one in base16 has 95."""

HEADER = b"/key/swarm/psk/1.0.0/"
"""The first line of a key file."""

_FINGERPRINT_NONCE = b"finprint"
_FINGERPRINT_BYTES = 16
_BASE64_LENGTH = 44
_FILE = "private network's key"


def _from_base16(text: bytes) -> bytes:
    return binascii.unhexlify(text.strip())


def _from_base64(text: bytes) -> bytes:
    return base64.b64decode(text.translate(None, b"\r\n").strip(), validate=True)


def _from_bin(data: bytes) -> bytes:
    """Read a key in the codec `bin`: a line may end behind it, and its own last byte may look like a line's end."""
    for ending in (b"\r\n", b"\n"):
        if len(data) == KEY_BYTES + len(ending) and data.endswith(ending):
            return data[:KEY_BYTES]
    return data


_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {"base16": _from_base16, "base64": _from_base64, "bin": _from_bin}
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "base16": lambda key: key.hex().encode() + b"\n",
    "base64": lambda key: base64.b64encode(key) + b"\n",
    "bin": bytes,
}
CODECS = tuple(_DECODERS)
"""The ways in which a key may be written down."""


class PreSharedKey:
    """A key of 32 bytes that all members of a private network have. Its text forms never show it."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigError(f"a pre-shared key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = bytes(key)

    def __repr__(self) -> str:
        return "<PreSharedKey>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PreSharedKey) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __copy__(self) -> PreSharedKey:
        return self

    def __deepcopy__(self, memo: object) -> PreSharedKey:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a pre-shared key is not pickled: it would lie in the clear; save it to a file instead")

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes]) -> PreSharedKey:
        """Make a new key; `entropy(n)` gives n random bytes."""
        return cls(entropy(KEY_BYTES))

    @classmethod
    def parse(cls, content: bytes | str) -> PreSharedKey:
        """Read the content of a key file (`swarm.key`). Raises ConfigError, which tells nothing of the content."""
        if isinstance(content, str):
            content = content.encode("utf-8", "replace")
        if not isinstance(content, bytes):
            raise ConfigError(f"a key file's content is bytes or text, not {type(content).__name__}")
        header, _, rest = content.partition(b"\n")
        codec, _, body = rest.partition(b"\n")
        if header.rstrip(b"\r") != HEADER:
            raise ConfigError(f"no key of a private network: its first line must be {HEADER.decode()}")
        name = codec.rstrip(b"\r").strip(b"/")
        decode = _DECODERS.get(name.decode("ascii", "replace"))
        if decode is None or codec.rstrip(b"\r") != b"/" + name + b"/":
            known = ", ".join(f"/{known}/" for known in CODECS)
            raise ConfigError(f"no key of a private network: its second line must be one of {known}")
        key = None
        with contextlib.suppress(ValueError):  # raised outside of it: some of these errors hold what they read
            key = decode(body)
        if key is None:
            raise ConfigError(f"no key of a private network: what follows is not {name.decode()}")
        return cls(key)

    def to_file_content(self, codec: str = "base16") -> bytes:
        """Return the content of a key file. Raises ConfigError for a codec that is none of `CODECS`."""
        if codec not in _ENCODERS:
            raise ConfigError(f"a key is written as one of {', '.join(CODECS)}, not {codec!r}")
        return HEADER + b"\n/" + codec.encode() + b"/\n" + _ENCODERS[codec](self._key)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PreSharedKey:
        """Read a key file. Raises ConfigError, naming the file, but never repeating a path that looks like a key."""
        if not isinstance(path, str | os.PathLike):
            raise ConfigError(f"a pre-shared key is loaded from a file, whose name is text, not {type(path).__name__}")
        if looks_like_a_key(os.fspath(path)):
            raise ConfigError(
                "that is a pre-shared key itself, not the name of its file; PreSharedKey.parse takes keys"
            )
        content = key_file.read(path, MAX_FILE_BYTES, _FILE)
        try:
            return cls.parse(content)
        except ConfigError as error:
            raise ConfigError(f"{os.fspath(path)!r}: {error}") from None

    def save(self, path: str | os.PathLike[str], codec: str = "base16", *, overwrite: bool = False) -> None:
        """Write a key file that only its owner may read. Raises ConfigError; an existing file stays by default."""
        key_file.write(path, self.to_file_content(codec), overwrite=overwrite, what=_FILE)

    @property
    def fingerprint(self) -> str:
        """The 32 hex digits that tell keys apart and say nothing of them; kubo prints the same."""
        block = salsa20_block(self._key, _FINGERPRINT_NONCE)
        return hashlib.shake_128(block).hexdigest(_FINGERPRINT_BYTES)

    def reveal(self) -> bytes:
        """Return the 32 bytes themselves, for ciphers."""
        return self._key


def looks_like_a_key(name: str) -> bool:
    """Return whether somebody gave the key where its file's name goes: no error must repeat it then."""
    text = name.strip()
    is_base16 = len(text) == 2 * KEY_BYTES and all(letter in string.hexdigits for letter in text)
    is_base64 = len(text) == _BASE64_LENGTH and text.endswith("=")
    return HEADER.decode() in name or is_base16 or is_base64
