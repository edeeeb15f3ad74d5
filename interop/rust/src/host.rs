//! A swarm of the library and the task that drives it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm,
    core::transport::ListenerId,
    identify,
    multiaddr::Protocol,
    swarm::{
        self, ConnectionId, NetworkBehaviour, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    board::{Board, Identified, State},
    failure::{Failure, Outcome},
    library_version, serving,
    settings::Settings,
    streams::{self, Opened},
    transports,
};

const IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const MAX_NEGOTIATING_STREAMS: usize = 4096;

#[derive(NetworkBehaviour)]
struct Behaviour {
    streams: streams::Behaviour,
    identify: identify::Behaviour,
}

enum Action {
    Dial(PeerId, Multiaddr, Dialled),
    Listen(Multiaddr, oneshot::Sender<Outcome<()>>),
    Disconnect(PeerId),
}

/// The swarm ends with its last handle.
#[derive(Clone)]
pub struct Host {
    pub peer_id: PeerId,
    pub board: Arc<Board>,
    actions: mpsc::UnboundedSender<Action>,
}

impl Host {
    /// A host that listens nowhere yet.
    pub fn new(settings: &Settings) -> Outcome<Self> {
        let key = settings.new_key()?;
        let peer_id = key.public().to_peer_id();
        let (transport, agreements) = transports::build(settings, &key)?;
        let board = Arc::new(Board::default());
        board.update(|state| state.served = serving::protocols().into());
        let about = identify::Config::new_with_signed_peer_record("interop/1.0.0".into(), &key)
            .with_agent_version(format!("interop-rust/{}", library_version()))
            .with_push_listen_addr_updates(true);
        let behaviour = Behaviour {
            streams: streams::Behaviour::new(board.clone(), agreements),
            identify: identify::Behaviour::new(about),
        };
        let config = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(IDLE_TIMEOUT)
            .with_max_negotiating_inbound_streams(MAX_NEGOTIATING_STREAMS)
            .with_substream_upgrade_protocol_override(transports::stream_version(&settings.muxers));
        let (actions, inbox) = mpsc::unbounded_channel();
        let driver = Driver {
            swarm: Swarm::new(transport, behaviour, peer_id, config),
            board: board.clone(),
            dials: HashMap::new(),
            listens: HashMap::new(),
            bound: Vec::new(),
        };
        tokio::spawn(driver.run(inbox));
        Ok(Self { peer_id, board, actions })
    }

    /// A new connection by that address alone; two calls for one peer at the same time share one.
    pub async fn dial(&self, peer: PeerId, address: Multiaddr) -> Outcome<ConnectionId> {
        self.ask(|answer| Action::Dial(peer, address, answer)).await
    }

    pub async fn listen(&self, address: Multiaddr) -> Outcome<()> {
        self.ask(|answer| Action::Listen(address, answer)).await
    }

    /// Ends when identify has, well or not.
    pub async fn identified(&self, peer: &PeerId) -> Outcome<Identified> {
        let look = |state: &State| match state.identified.get(peer) {
            Some(known) => Some(Some(known.clone())),
            None => state.connection(peer).is_none().then_some(None),
        };
        self.board.wait(look).await.ok_or_else(|| Failure::not_connected(peer))
    }

    /// Close all connections to a peer.
    pub async fn disconnect(&self, peer: PeerId) {
        let _ = self.actions.send(Action::Disconnect(peer));
        self.board.wait(|state| state.connection(&peer).is_none().then_some(())).await
    }

    /// A stream on the newest connection to a peer.
    pub async fn open(&self, peer: &PeerId, protocol: StreamProtocol, lazy: bool) -> Outcome<Opened> {
        let handler = self.board.read(|state| state.connection(peer).map(|connection| connection.handler.clone()));
        streams::open(&handler.ok_or_else(|| Failure::not_connected(peer))?, protocol, lazy).await
    }

    /// Listen addresses, sorted as text, each ending in /p2p/<own id>.
    pub fn addresses(&self) -> Vec<String> {
        let own = Protocol::P2p(self.peer_id);
        let listening = self.board.read(|state| state.listening.clone());
        let mut texts: Vec<String> =
            listening.into_iter().map(|address| address.with(own.clone()).to_string()).collect();
        texts.sort();
        texts
    }

    async fn ask<T>(&self, action: impl FnOnce(oneshot::Sender<Outcome<T>>) -> Action) -> Outcome<T> {
        let (answer, answered) = oneshot::channel();
        let gone = || Failure::other("the swarm has ended");
        self.actions.send(action(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

type Dialled = oneshot::Sender<Outcome<ConnectionId>>;

struct Driver {
    swarm: Swarm<Behaviour>,
    board: Arc<Board>,
    dials: HashMap<ConnectionId, (PeerId, Vec<Dialled>)>,
    listens: HashMap<ListenerId, oneshot::Sender<Outcome<()>>>,
    /// Listeners with an address; told so once the swarm has no more to say, since a wildcard has several addresses.
    bound: Vec<oneshot::Sender<Outcome<()>>>,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Action>) {
        loop {
            tokio::select! {
                biased;
                event = self.swarm.select_next_some() => self.on_event(event),
                () = tokio::task::yield_now(), if !self.bound.is_empty() => {
                    for answer in self.bound.drain(..) {
                        let _ = answer.send(Ok(()));
                    }
                }
                action = inbox.recv() => match action {
                    Some(action) => self.on_action(action),
                    None => return,
                },
            }
        }
    }

    fn on_action(&mut self, action: Action) {
        match action {
            Action::Dial(peer, address, answer) => self.dial(peer, address, answer),
            Action::Listen(address, answer) => match self.swarm.listen_on(address) {
                Ok(listener) => {
                    self.listens.insert(listener, answer);
                }
                Err(error) => {
                    let _ = answer.send(Err(Failure::other(error)));
                }
            },
            Action::Disconnect(peer) => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    fn dial(&mut self, peer: PeerId, address: Multiaddr, answer: Dialled) {
        if let Some((_, waiting)) = self.dials.values_mut().find(|(dialled, _)| *dialled == peer) {
            waiting.push(answer);
            return;
        }
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(vec![address])
            .allocate_new_port()
            .build();
        let id = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => {
                self.dials.insert(id, (peer, vec![answer]));
            }
            Err(error) => {
                let _ = answer.send(Err(Failure::of_dial(&error)));
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, .. } => self.dialled(connection_id, Ok(connection_id)),
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.dialled(connection_id, Err(Failure::of_dial(&error)));
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.board.update(|state| state.listening.insert(address));
                self.bound.extend(self.listens.remove(&listener_id));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.board.update(|state| state.listening.remove(&address));
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if let Some(answer) = self.listens.remove(&listener_id) {
                    let _ = answer.send(Err(Failure::other(format!("listener closed: {reason:?}"))));
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            _ => {}
        }
    }

    fn dialled(&mut self, id: ConnectionId, outcome: Outcome<ConnectionId>) {
        for answer in self.dials.remove(&id).into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = answer.send(outcome.clone());
        }
    }

    fn on_identify(&mut self, event: identify::Event) {
        let (peer, info) = match event {
            identify::Event::Received { peer_id, info, .. } => (peer_id, Ok(info)),
            identify::Event::Error { peer_id, error, .. } => (peer_id, Err(error.to_string())),
            _ => return,
        };
        self.board.update(|state| {
            if state.connection(&peer).is_some() {
                let rounds = state.identified.get(&peer).map_or(0, |known| known.rounds);
                state.identified.insert(peer, Identified { rounds: rounds + usize::from(info.is_ok()), info });
            }
        });
    }
}
