//! What went wrong, in words and as one of the few kinds that all peers share.

use std::io;

use libp2p::swarm::{DialError, StreamUpgradeError};
use multistream_select::NegotiationError;

#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: &'static str,
    pub error: String,
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn other(error: impl ToString) -> Self {
        Self::of("other", error)
    }

    pub fn bad_command(error: impl ToString) -> Self {
        Self::of("bad_command", error)
    }

    pub fn not_connected(peer: impl ToString) -> Self {
        Self::of("not_connected", format!("{}: not connected", peer.to_string()))
    }

    pub fn timeout(error: impl ToString) -> Self {
        Self::of("timeout", error)
    }

    /// A dial of several addresses is never asked for, so there is one reason.
    pub fn of_dial(error: &DialError) -> Self {
        match error {
            DialError::WrongPeerId { obtained, address } => {
                Self::of("peer_id_mismatch", format!("{address} is {obtained}"))
            }
            DialError::Transport(tried) => Self::other(
                tried
                    .iter()
                    .map(|(address, reason)| format!("{address}: {}", chain(reason)))
                    .collect::<Vec<_>>()
                    .join("; "),
            ),
            other => Self::other(other),
        }
    }

    pub fn of_opening<E>(error: StreamUpgradeError<E>) -> Self {
        match error {
            StreamUpgradeError::Timeout => Self::timeout("no stream within the time for it"),
            StreamUpgradeError::Io(error) => error.into(),
            StreamUpgradeError::NegotiationFailed | StreamUpgradeError::Apply(_) => {
                Self::of("protocol_not_supported", "not supported by the peer")
            }
        }
    }

    fn of(kind: &'static str, error: impl ToString) -> Self {
        Self { kind, error: error.to_string() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let refused = error
            .get_ref()
            .is_some_and(|inner| matches!(inner.downcast_ref::<NegotiationError>(), Some(NegotiationError::Failed)));
        let kind = match error.kind() {
            _ if refused => "protocol_not_supported",
            // yamux says WriteZero on a stream that the other side has reset.
            io::ErrorKind::WriteZero | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "stream_reset",
            io::ErrorKind::TimedOut => "timeout",
            _ => "other",
        };
        Self::of(kind, chain(&error))
    }
}

/// An error with its causes, which the library leaves out of its messages.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}
