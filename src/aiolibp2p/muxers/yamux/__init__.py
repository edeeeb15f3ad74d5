"""yamux, the muxer everybody speaks: https://github.com/libp2p/specs/blob/master/yamux/README.md (r0, 2023-02-17).

Protocol id `/yamux/1.0.0`. Limits are in `YamuxConfig`.

Where we differ from the text, and why:
- a stream's window starts at 256 KiB and grows by `window.next_window`, to at most 16 MiB, as go's and js's do;
- a WINDOW_UPDATE with RST carries an error code in its length, as go sends it, and is never added to the credit;
- data for a stream we no longer know is dropped, not answered: our RST may have crossed it;
- what we owe a peer that does not read (pongs, resets, negotiation answers) is bounded; past it the connection ends.
"""

from aiolibp2p.muxers.yamux.config import YamuxConfig
from aiolibp2p.muxers.yamux.session import Yamux, YamuxSession

__all__ = ["Yamux", "YamuxConfig", "YamuxSession"]
