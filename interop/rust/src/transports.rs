//! Transports, and the upgrade of a connection: security, then muxer, each by name in order of preference.
//!
//! It does what the library's own builder does, and keeps what was agreed, which the library forgets.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        ConnectedPoint,
        muxing::StreamMuxerBox,
        transport::{Boxed, timeout::TransportTimeout},
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, Version},
    },
    identity::Keypair,
    multiaddr::Protocol,
    noise, plaintext,
    pnet::{PnetConfig, PreSharedKey},
    quic, tcp, tls, yamux,
};
use multistream_select::{Negotiated, dialer_select_proto, listener_select_proto};

use crate::{
    failure::{Failure, Outcome},
    settings::Settings,
};

const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// As many as yamux allows a connection, at windows of 256 KiB.
const MAX_STREAMS: usize = 4096;

/// What the upgrade of a connection came to.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    pub security: &'static str,
    pub muxer: &'static str,
    pub local_address: Option<Multiaddr>,
}

/// By endpoint, from the end of its upgrade until the connection is announced.
#[derive(Clone, Default)]
pub struct Agreements(Arc<Mutex<HashMap<String, Agreed>>>);

impl Agreements {
    fn put(&self, endpoint: &ConnectedPoint, agreed: Agreed) {
        self.0.lock().unwrap().insert(key_of(endpoint), agreed);
    }

    pub fn take(&self, endpoint: &ConnectedPoint) -> Agreed {
        self.0.lock().unwrap().remove(&key_of(endpoint)).unwrap_or_default()
    }
}

fn key_of(endpoint: &ConnectedPoint) -> String {
    match endpoint {
        ConnectedPoint::Dialer { address, .. } => without_peer(address.clone()).to_string(),
        ConnectedPoint::Listener { local_addr, send_back_addr } => format!("{send_back_addr} {local_addr}"),
    }
}

/// An address without its peer id.
pub fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    address
}

pub fn build(settings: &Settings, key: &Keypair) -> Outcome<(Boxed<(PeerId, StreamMuxerBox)>, Agreements)> {
    let agreements = Agreements::default();
    let upgrade = Upgrade {
        key: key.clone(),
        security: settings.security.clone(),
        muxers: settings.muxers.clone(),
        psk: settings.psk,
        agreements: agreements.clone(),
    };
    let mut built: Option<Boxed<(PeerId, StreamMuxerBox)>> = None;
    for name in &settings.transports {
        let next = match *name {
            "tcp" => over_tcp(upgrade.clone()),
            "ws" => over_websocket(upgrade.clone()),
            "quic-v1" if settings.psk.is_some() => return Err(Failure::other("no QUIC in a private network")),
            _ => over_quic(key, agreements.clone()),
        };
        built = Some(match built {
            Some(before) => before.or_transport(next).map(|either, _| either.into_inner()).boxed(),
            None => next,
        });
    }
    let transport = built.ok_or_else(|| Failure::other("no transport"))?;
    Ok((TransportTimeout::new(transport, UPGRADE_TIMEOUT).boxed(), agreements))
}

fn over_tcp(upgrade: Upgrade) -> Boxed<(PeerId, StreamMuxerBox)> {
    tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .and_then(move |stream, endpoint| {
            let local = stream.0.local_addr().ok().map(tcp_address);
            upgrade.whole(stream, endpoint, local)
        })
        .boxed()
}

fn over_websocket(upgrade: Upgrade) -> Boxed<(PeerId, StreamMuxerBox)> {
    libp2p_websocket::Config::new(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)))
        .and_then(move |stream, endpoint| upgrade.whole(stream, endpoint, None))
        .boxed()
}

fn over_quic(key: &Keypair, agreements: Agreements) -> Boxed<(PeerId, StreamMuxerBox)> {
    let mut config = quic::Config::new(key);
    config.max_concurrent_stream_limit = MAX_STREAMS as u32;
    quic::tokio::Transport::new(config)
        .map(move |(peer, connection), endpoint| {
            agreements.put(&endpoint, Agreed::default());
            (peer, StreamMuxerBox::new(connection))
        })
        .boxed()
}

fn tcp_address(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

#[derive(Clone)]
struct Upgrade {
    key: Keypair,
    security: Vec<&'static str>,
    muxers: Vec<&'static str>,
    psk: Option<PreSharedKey>,
    agreements: Agreements,
}

impl Upgrade {
    async fn whole<S>(
        self,
        stream: S,
        endpoint: ConnectedPoint,
        local_address: Option<Multiaddr>,
    ) -> io::Result<(PeerId, StreamMuxerBox)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let dialing = endpoint.is_dialer();
        let (security, muxer, peer, connection) = match self.psk {
            Some(psk) => {
                let stream = PnetConfig::new(psk).handshake(stream).await.map_err(io::Error::other)?;
                self.clone().secure(stream, dialing).await?
            }
            None => self.clone().secure(stream, dialing).await?,
        };
        self.agreements.put(&endpoint, Agreed { security, muxer, local_address });
        Ok((peer, connection))
    }

    async fn secure<S>(
        self,
        stream: S,
        dialing: bool,
    ) -> io::Result<(&'static str, &'static str, PeerId, StreamMuxerBox)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (security, stream) = agree(stream, self.security.clone(), dialing, self.version()).await?;
        let (muxer, peer, connection) = match security {
            "/noise" => {
                let config = noise::Config::new(&self.key).map_err(io::Error::other)?;
                self.handshake(config, security, stream, dialing).await?
            }
            "/tls/1.0.0" => {
                let config = tls::Config::new(&self.key).map_err(io::Error::other)?;
                self.handshake(config, security, stream, dialing).await?
            }
            _ => {
                let config = plaintext::Config::new(&self.key);
                self.handshake(config, security, stream, dialing).await?
            }
        };
        Ok((security, muxer, peer, connection))
    }

    async fn handshake<S, U, D, E>(
        self,
        config: U,
        security: &'static str,
        stream: S,
        dialing: bool,
    ) -> io::Result<(&'static str, PeerId, StreamMuxerBox)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        D: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        E: std::error::Error + Send + Sync + 'static,
        U: InboundConnectionUpgrade<S, Info = &'static str, Output = (PeerId, D), Error = E>
            + OutboundConnectionUpgrade<S, Info = &'static str, Output = (PeerId, D), Error = E>,
        <U as InboundConnectionUpgrade<S>>::Future: Send,
        <U as OutboundConnectionUpgrade<S>>::Future: Send,
    {
        let (peer, secured) = if dialing {
            config.upgrade_outbound(stream, security).await.map_err(io::Error::other)?
        } else {
            config.upgrade_inbound(stream, security).await.map_err(io::Error::other)?
        };
        let (muxer, secured) = agree(secured, self.muxers.clone(), dialing, self.version()).await?;
        Ok((muxer, peer, multiplex(muxer, secured, dialing).await?))
    }

    fn version(&self) -> Version {
        stream_version(&self.muxers)
    }
}

/// Whether a single proposal waits for its answer. Only the library's mplex needs that: it locks up otherwise.
pub fn stream_version(muxers: &[&str]) -> Version {
    if muxers == ["/yamux/1.0.0"] { Version::V1Lazy } else { Version::V1 }
}

async fn agree<S>(
    stream: S,
    names: Vec<&'static str>,
    dialing: bool,
    version: Version,
) -> io::Result<(&'static str, Negotiated<S>)>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    if dialing {
        dialer_select_proto(stream, names, version).await.map_err(io::Error::other)
    } else {
        listener_select_proto(stream, names).await.map_err(io::Error::other)
    }
}

async fn multiplex<S>(muxer: &'static str, stream: S, dialing: bool) -> io::Result<StreamMuxerBox>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if muxer == "/yamux/1.0.0" {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        Ok(StreamMuxerBox::new(if dialing {
            config.upgrade_outbound(stream, muxer).await?
        } else {
            config.upgrade_inbound(stream, muxer).await?
        }))
    } else {
        let mut config = libp2p_mplex::Config::new();
        config.set_max_num_streams(MAX_STREAMS);
        // Its default is to reset a stream whose reader is slow; mplex has no other backpressure than this.
        config.set_max_buffer_behaviour(libp2p_mplex::MaxBufferBehaviour::Block);
        Ok(StreamMuxerBox::new(if dialing {
            config.upgrade_outbound(stream, muxer).await?
        } else {
            config.upgrade_inbound(stream, muxer).await?
        }))
    }
}
