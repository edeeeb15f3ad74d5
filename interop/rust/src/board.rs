//! What the swarm has announced, for commands that ask for it or wait for it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use libp2p::{Multiaddr, PeerId, StreamProtocol, identify, swarm::ConnectionId};
use tokio::sync::{Notify, mpsc};

use crate::{streams::ToHandler, transports::Agreed};

pub struct Connection {
    pub id: ConnectionId,
    pub peer: PeerId,
    pub outbound: bool,
    /// None where the library does not say it.
    pub local_address: Option<Multiaddr>,
    pub remote_address: Multiaddr,
    pub agreed: Agreed,
    pub handler: mpsc::UnboundedSender<ToHandler>,
    /// Shared by the handler, by this entry, and once by each stream that lives.
    pub alive: Arc<()>,
}

impl Connection {
    pub fn streams(&self) -> usize {
        Arc::strong_count(&self.alive).saturating_sub(2)
    }
}

/// What identify, or the latest push, told of a connected peer.
#[derive(Clone)]
pub struct Identified {
    pub info: Result<identify::Info, String>,
    /// Messages of this peer so far, pushes included.
    pub rounds: usize,
}

#[derive(Default)]
pub struct State {
    pub connections: Vec<Connection>,
    pub identified: HashMap<PeerId, Identified>,
    pub listening: BTreeSet<Multiaddr>,
    pub served: Arc<[StreamProtocol]>,
}

impl State {
    /// The newest connection to a peer.
    pub fn connection(&self, peer: &PeerId) -> Option<&Connection> {
        self.connections.iter().rfind(|connection| connection.peer == *peer)
    }
}

#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    changed: Notify,
}

impl Board {
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        result
    }

    /// Ends with the first answer that is not None; asked again at each change. The command's time limits it.
    pub async fn wait<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(answer) = self.read(&mut look) {
                return answer;
            }
            changed.await;
        }
    }
}
