from aiolibp2p.peer import keys_pb2 as _keys_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Exchange(_message.Message):
    __slots__ = ("id", "public_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    public_key: _keys_pb2.PublicKey
    def __init__(self, id: _Optional[bytes] = ..., public_key: _Optional[_Union[_keys_pb2.PublicKey, _Mapping]] = ...) -> None: ...
