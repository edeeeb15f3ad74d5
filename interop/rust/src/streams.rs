//! Raw streams: a behaviour whose handlers open streams as asked through a channel, and serve what comes.
//!
//! Not the library's own stream behaviour: that one negotiates one stream at a time and drops inbound ones when busy.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    },
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        behaviour::ConnectionEstablished,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    board::{Board, Connection},
    failure::{Failure, Outcome},
    serving,
    transports::{Agreements, without_peer},
};

/// Nothing here ends a negotiation before the command that wants it ends.
const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(120);
/// Proposed after a protocol that has to be agreed on before its stream is used: see `Proposal`.
const REFUSED: StreamProtocol = StreamProtocol::new("/interop/refused");

/// A stream with its mark in the count of its connection.
#[derive(Debug)]
pub struct Opened {
    pub stream: Stream,
    pub _alive: Arc<()>,
}

type Answer = oneshot::Sender<Outcome<Opened>>;

#[derive(Debug)]
pub enum ToHandler {
    Open(Proposal, Answer),
    Serve(Arc<[StreamProtocol]>),
}

/// Open a stream on a connection. Lazily: proposal and first bytes leave together, and a refusal is seen at the
/// first read; such a stream must be read and written by one task.
pub async fn open(handler: &mpsc::UnboundedSender<ToHandler>, protocol: StreamProtocol, lazy: bool) -> Outcome<Opened> {
    let name = protocol.clone();
    let (answer, opened) = oneshot::channel();
    let gone = || Failure::other("the connection has ended");
    handler.send(ToHandler::Open(Proposal { protocol, lazy }, answer)).map_err(|_| gone())?;
    opened
        .await
        .map_err(|_| gone())?
        .map_err(|Failure { kind, error }| Failure { kind, error: format!("{name}: {error}") })
}

/// The library settles on the last protocol of a list without waiting. So a list of one is lazy; in a list of two the
/// first waits for its answer, and if that is no, the second (which nobody speaks) is all that is left.
#[derive(Debug)]
pub struct Proposal {
    protocol: StreamProtocol,
    lazy: bool,
}

impl UpgradeInfo for Proposal {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        let protocol = self.protocol.clone();
        if self.lazy { vec![protocol] } else { vec![protocol, REFUSED] }.into_iter()
    }
}

impl OutboundUpgrade<Stream> for Proposal {
    type Output = Stream;
    type Error = Refused;
    type Future = Ready<Result<Stream, Refused>>;

    fn upgrade_outbound(self, stream: Stream, agreed: StreamProtocol) -> Self::Future {
        ready(if agreed == self.protocol { Ok(stream) } else { Err(Refused) })
    }
}

#[derive(Debug)]
pub struct Refused;

pub struct Served(Arc<[StreamProtocol]>);

/// The library asks for this at each poll of a connection, so it copies no list.
pub struct ServedIter {
    list: Arc<[StreamProtocol]>,
    next: usize,
}

impl Iterator for ServedIter {
    type Item = StreamProtocol;

    fn next(&mut self) -> Option<StreamProtocol> {
        self.next += 1;
        self.list.get(self.next - 1).cloned()
    }
}

impl UpgradeInfo for Served {
    type Info = StreamProtocol;
    type InfoIter = ServedIter;

    fn protocol_info(&self) -> ServedIter {
        ServedIter { list: self.0.clone(), next: 0 }
    }
}

impl InboundUpgrade<Stream> for Served {
    type Output = (StreamProtocol, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}

pub struct Handler {
    inbox: mpsc::UnboundedReceiver<ToHandler>,
    served: Arc<[StreamProtocol]>,
    alive: Arc<()>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Served;
    type OutboundProtocol = Proposal;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Answer;

    fn listen_protocol(&self) -> SubstreamProtocol<Served> {
        SubstreamProtocol::new(Served(self.served.clone()), ()).with_timeout(NEGOTIATION_TIMEOUT)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Proposal, Answer, Infallible>> {
        loop {
            match self.inbox.poll_recv(context) {
                Poll::Ready(Some(ToHandler::Open(proposal, answer))) => {
                    let protocol = SubstreamProtocol::new(proposal, answer).with_timeout(NEGOTIATION_TIMEOUT);
                    return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
                }
                Poll::Ready(Some(ToHandler::Serve(protocols))) => self.served = protocols,
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Served, Proposal, (), Answer>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (protocol, stream), ..
            }) => {
                tokio::spawn(serving::serve(protocol, Opened { stream, _alive: self.alive.clone() }));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: answer }) => {
                // Nobody waits any more where the command's time is up; the stream is reset with this value.
                let _ = answer.send(Ok(Opened { stream, _alive: self.alive.clone() }));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: answer, error }) => {
                let _ = answer.send(Err(Failure::of_opening(error)));
            }
            _ => {}
        }
    }
}

pub struct Behaviour {
    board: Arc<Board>,
    agreements: Agreements,
    newcomers: HashMap<ConnectionId, (mpsc::UnboundedSender<ToHandler>, Arc<()>)>,
}

impl Behaviour {
    pub fn new(board: Arc<Board>, agreements: Agreements) -> Self {
        Self { board, agreements, newcomers: HashMap::new() }
    }

    fn new_handler(&mut self, id: ConnectionId) -> Handler {
        let (sender, inbox) = mpsc::unbounded_channel();
        let alive = Arc::new(());
        self.newcomers.insert(id, (sender, alive.clone()));
        Handler { inbox, served: self.board.read(|state| state.served.clone()), alive }
    }

    fn connected(&mut self, event: ConnectionEstablished) {
        let Some((handler, alive)) = self.newcomers.remove(&event.connection_id) else { return };
        let agreed = self.agreements.take(event.endpoint);
        let connection = Connection {
            id: event.connection_id,
            peer: event.peer_id,
            outbound: event.endpoint.is_dialer(),
            local_address: match event.endpoint {
                libp2p::core::ConnectedPoint::Listener { local_addr, .. } => Some(local_addr.clone()),
                libp2p::core::ConnectedPoint::Dialer { .. } => agreed.local_address.clone(),
            },
            remote_address: without_peer(event.endpoint.get_remote_address().clone()),
            agreed,
            handler,
            alive,
        };
        self.board.update(|state| {
            // What is served may have changed since the handler was made.
            let _ = connection.handler.send(ToHandler::Serve(state.served.clone()));
            state.connections.push(connection);
        });
    }

    fn disconnected(&mut self, event: ConnectionClosed) {
        self.board.update(|state| {
            state.connections.retain(|connection| connection.id != event.connection_id);
            if event.remaining_established == 0 {
                state.identified.remove(&event.peer_id);
            }
        });
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.new_handler(id))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.new_handler(id))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.connected(event),
            FromSwarm::ConnectionClosed(event) => self.disconnected(event),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
