from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Propose(_message.Message):
    __slots__ = ("rand", "public_key", "exchanges", "ciphers", "hashes")
    RAND_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    EXCHANGES_FIELD_NUMBER: _ClassVar[int]
    CIPHERS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    rand: bytes
    public_key: bytes
    exchanges: bytes
    ciphers: bytes
    hashes: bytes
    def __init__(self, rand: _Optional[bytes] = ..., public_key: _Optional[bytes] = ..., exchanges: _Optional[bytes] = ..., ciphers: _Optional[bytes] = ..., hashes: _Optional[bytes] = ...) -> None: ...

class Exchange(_message.Message):
    __slots__ = ("ephemeral_key", "signature")
    EPHEMERAL_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ephemeral_key: bytes
    signature: bytes
    def __init__(self, ephemeral_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...
