//! The commands of ../README.md, one function each.

use std::{sync::Arc, time::Duration};

use futures::future::try_join_all;
use libp2p::{Multiaddr, PeerId, StreamProtocol, core::PeerRecord, identity::KeyType, multiaddr::Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    board::Connection,
    exchanges::{Plan, exchange, run_echo, run_echoes, run_perf},
    failure::{Failure, Outcome},
    host::Host,
    load::{Held, race_beside_upload, resident_bytes},
    rates::{Dials, Opens, Pings, Until, race},
    serving,
    settings::Settings,
    streams::Opened,
    transports::without_peer,
};

const TIMEOUT_MS: f64 = 30_000.0;
const CHUNK_BYTES: usize = 64 * 1024;

/// A command with the fields of all commands.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    pub id: Value,
    pub cmd: String,
    address: String,
    peer: String,
    protocol: String,
    absent: bool,
    count: usize,
    bytes: u64,
    chunk: usize,
    read_delay_ms: f64,
    streams: usize,
    concurrency: usize,
    seconds: f64,
    upload_bytes: u64,
    download_bytes: u64,
    #[serde(rename = "code")]
    _code: u32,
    timeout_ms: f64,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            id: Value::Null,
            cmd: String::new(),
            address: String::new(),
            peer: String::new(),
            protocol: String::new(),
            absent: false,
            count: 0,
            bytes: 0,
            chunk: CHUNK_BYTES,
            read_delay_ms: 0.0,
            streams: 1,
            concurrency: 1,
            seconds: 1.0,
            upload_bytes: 0,
            download_bytes: 0,
            _code: 0,
            timeout_ms: TIMEOUT_MS,
        }
    }
}

impl Request {
    fn address(&self) -> Outcome<(PeerId, Multiaddr)> {
        let bad = |why: String| Failure::bad_command(format!("address {:?}: {why}", self.address));
        let address: Multiaddr = self.address.parse().map_err(|error| bad(format!("{error}")))?;
        match address.iter().last() {
            Some(Protocol::P2p(peer)) => Ok((peer, address)),
            _ => Err(bad("does not end in /p2p/<id>".into())),
        }
    }

    fn peer(&self) -> Outcome<PeerId> {
        self.peer.parse().map_err(|error| Failure::bad_command(format!("peer {:?}: {error}", self.peer)))
    }

    fn protocol_or(&self, otherwise: StreamProtocol) -> Outcome<StreamProtocol> {
        if self.protocol.is_empty() { Ok(otherwise) } else { self.named_protocol() }
    }

    fn named_protocol(&self) -> Outcome<StreamProtocol> {
        StreamProtocol::try_from_owned(self.protocol.clone())
            .map_err(|error| Failure::bad_command(format!("protocol {:?}: {error}", self.protocol)))
    }

    fn size(&self) -> usize {
        if self.bytes > 0 { self.bytes as usize } else { serving::PING_BYTES }
    }

    fn plan(&self) -> Plan {
        Plan { bytes: self.bytes, chunk: self.chunk.max(1), read_delay: milliseconds(self.read_delay_ms) }
    }

    fn until(&self) -> Until {
        Until { count: self.count, time: Duration::from_secs_f64(self.seconds.max(0.0)) }
    }
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1e3)
}

pub struct Peer {
    pub host: Host,
    pub settings: Settings,
    pub held: Held,
}

impl Peer {
    /// The answer to a command, within its time.
    pub async fn answer(&self, request: Request) -> Value {
        let time = milliseconds(request.timeout_ms);
        let outcome = tokio::time::timeout(time, self.run(&request)).await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(Failure::timeout(format!("{}: not within {time:?}", request.cmd))));
        answer_to(request.id, outcome)
    }

    async fn run(&self, request: &Request) -> Outcome<Value> {
        match request.cmd.as_str() {
            "dial" => self.dial(request).await,
            "disconnect" => self.disconnect(request).await,
            "connections" => Ok(self
                .host
                .board
                .read(|state| json!({"connections": state.connections.iter().map(describe).collect::<Vec<_>>()}))),
            "wait_connected" => self.wait_connected(request, true).await,
            "wait_disconnected" => self.wait_connected(request, false).await,
            "identify" => self.identify(request).await,
            "protocols" => Ok(json!({"protocols": self.known(request).await?.protocols})),
            "peer_addresses" => Ok(json!({"addresses": self.known(request).await?.addresses})),
            "wait_protocol" => self.wait_protocol(request).await,
            "wait_peer_address" => self.wait_peer_address(request).await,
            "add_protocol" | "remove_protocol" => self.change_protocols(request),
            "add_listen" => self.add_listen(request).await,
            "open" => self.open(request).await,
            "ping" => self.ping(request).await,
            "echo" => self.echo(request).await,
            "streams" => self.streams(request).await,
            "reset" => self.reset(request).await,
            "perf" => self.perf(request).await,
            "pings_rate" => self.pings_rate(request).await,
            "opens_rate" => self.opens_rate(request).await,
            "dials_rate" => self.dials_rate(request).await,
            "bulk_pings_rate" => self.bulk_pings_rate(request).await,
            "hold_connections" => self.hold_connections(request).await,
            "release_connections" => {
                self.held.release().await;
                Ok(json!({}))
            }
            "memory" => Ok(json!({"rss_bytes": resident_bytes().await?})),
            "usage" => Ok(usage()),
            other => Err(Failure::bad_command(format!("no command {other:?}"))),
        }
    }

    /// The connected peer that a command names by `peer`, or by an `address` that is dialled if need be.
    async fn target(&self, request: &Request) -> Outcome<PeerId> {
        if request.address.is_empty() {
            let peer = request.peer()?;
            let connected = self.host.board.read(|state| state.connection(&peer).is_some());
            return if connected { Ok(peer) } else { Err(Failure::not_connected(peer)) };
        }
        let (peer, address) = request.address()?;
        if self.host.board.read(|state| state.connection(&peer).is_none()) {
            self.host.dial(peer, address).await?;
        }
        self.host.identified(&peer).await?;
        Ok(peer)
    }

    async fn dial(&self, request: &Request) -> Outcome<Value> {
        let (peer, _) = request.address()?;
        self.target(request).await?;
        self.host.board.read(|state| state.connection(&peer).map(describe)).ok_or_else(|| Failure::not_connected(peer))
    }

    async fn disconnect(&self, request: &Request) -> Outcome<Value> {
        self.host.disconnect(request.peer()?).await;
        Ok(json!({}))
    }

    async fn wait_connected(&self, request: &Request, wanted: bool) -> Outcome<Value> {
        let peer = request.peer()?;
        self.host.board.wait(|state| (state.connection(&peer).is_some() == wanted).then_some(())).await;
        Ok(json!({}))
    }

    async fn identify(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let known = self.host.identified(&peer).await?;
        let info = known.info.map_err(|error| Failure::other(format!("identify failed: {error}")))?;
        let seen = Known::of(&info.protocols, &info.listen_addrs);
        let mut said = json!({
            "peer_id": peer.to_string(),
            "agent_version": info.agent_version,
            "protocol_version": info.protocol_version,
            "protocols": seen.protocols,
            "listen_addresses": seen.addresses,
            "observed_address": (!info.observed_addr.is_empty()).then(|| info.observed_addr.to_string()),
            // The library drops every record that is not of its older format before we see it.
            "signed_record": info.signed_peer_record.is_some(),
            "key_type": match info.public_key.key_type() {
                KeyType::Ed25519 => "ed25519",
                KeyType::RSA => "rsa",
                KeyType::Secp256k1 => "secp256k1",
                KeyType::Ecdsa => "ecdsa",
            },
            "rounds": known.rounds,
        });
        if let Some(envelope) = info.signed_peer_record {
            let record = PeerRecord::from_signed_envelope(envelope).map_err(Failure::other)?;
            said["record_sequence"] = record.seq().into();
            said["record_addresses"] = Known::of(&[], record.addresses()).addresses.into();
        }
        Ok(said)
    }

    async fn known(&self, request: &Request) -> Outcome<Known> {
        let peer = self.target(request).await?;
        Ok(match self.host.identified(&peer).await?.info {
            Ok(info) => Known::of(&info.protocols, &info.listen_addrs),
            Err(_) => Known::default(),
        })
    }

    async fn wait_protocol(&self, request: &Request) -> Outcome<Value> {
        let (peer, protocol) = (self.target(request).await?, request.named_protocol()?);
        self.wait_identified(&peer, |info| info.protocols.contains(&protocol) != request.absent).await;
        Ok(json!({}))
    }

    async fn wait_peer_address(&self, request: &Request) -> Outcome<Value> {
        let (peer, address) = request.address()?;
        let address = without_peer(address);
        let listed = |one: &Multiaddr| without_peer(one.clone()) == address;
        self.wait_identified(&peer, |info| info.listen_addrs.iter().any(listed) != request.absent).await;
        Ok(json!({}))
    }

    async fn wait_identified(&self, peer: &PeerId, mut holds: impl FnMut(&libp2p::identify::Info) -> bool) {
        self.host
            .board
            .wait(|state| match &state.identified.get(peer)?.info {
                Ok(info) => holds(info).then_some(()),
                Err(_) => None,
            })
            .await
    }

    fn change_protocols(&self, request: &Request) -> Outcome<Value> {
        let protocol = request.named_protocol()?;
        self.host.board.update(|state| {
            let mut served: Vec<StreamProtocol> =
                state.served.iter().filter(|one| **one != protocol).cloned().collect();
            if request.cmd == "add_protocol" {
                served.push(protocol);
            }
            state.served = served.into();
            for connection in &state.connections {
                let _ = connection.handler.send(crate::streams::ToHandler::Serve(Arc::clone(&state.served)));
            }
        });
        Ok(json!({}))
    }

    async fn add_listen(&self, request: &Request) -> Outcome<Value> {
        let address = request.address.parse().map_err(|error: libp2p::multiaddr::Error| Failure::bad_command(error))?;
        self.host.listen(address).await?;
        Ok(json!({"addresses": self.host.addresses()}))
    }

    async fn open(&self, request: &Request) -> Outcome<Value> {
        let (peer, protocol) = (self.target(request).await?, request.named_protocol()?);
        self.open_stream(&peer, protocol.clone()).await?;
        Ok(json!({"protocol": protocol.to_string()}))
    }

    async fn open_stream(&self, peer: &PeerId, protocol: StreamProtocol) -> Outcome<Opened> {
        self.host.open(peer, protocol, false).await
    }

    async fn ping(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let mut opened = self.open_stream(&peer, serving::PING).await?;
        let mut rtts = Vec::new();
        for _ in 0..request.count.max(1) {
            rtts.push(exchange(&mut opened.stream, serving::PING_BYTES).await?.as_secs_f64() * 1e3);
        }
        close(opened).await?;
        Ok(json!({"peer_id": peer.to_string(), "rtts_ms": rtts}))
    }

    async fn echo(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let start = std::time::Instant::now();
        let opened = self.open_stream(&peer, request.protocol_or(serving::ECHO)?).await?;
        let sum = run_echo(opened, request.plan()).await?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(json!({"bytes": request.bytes, "seconds": seconds, "sha256": sum, "match": true}))
    }

    async fn streams(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let protocol = request.protocol_or(serving::ECHO)?;
        let start = std::time::Instant::now();
        let opened = try_join_all((0..request.count).map(|_| async {
            let mut opened = self.open_stream(&peer, protocol.clone()).await?;
            exchange(&mut opened.stream, 1).await?;
            Outcome::Ok(opened)
        }))
        .await?;
        run_echoes(opened, request.plan()).await?;
        Ok(json!({"count": request.count, "bytes": request.bytes, "seconds": start.elapsed().as_secs_f64()}))
    }

    async fn reset(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let mut opened = self.open_stream(&peer, request.protocol_or(serving::ECHO)?).await?;
        exchange(&mut opened.stream, 1).await?;
        Ok(json!({})) // the stream is dropped unclosed: a reset, without the code, which the library cannot send
    }

    async fn perf(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let opened = self.open_stream(&peer, serving::PERF).await?;
        run_perf(opened.stream, request.upload_bytes, request.download_bytes, request.plan().chunk).await
    }

    async fn pings_rate(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let protocol = request.protocol_or(serving::BENCH_ECHO)?;
        let mut workers = Vec::new();
        for _ in 0..request.streams.max(1) {
            workers.push(Pings::new(&self.host, &peer, protocol.clone(), request.size()).await?);
        }
        race(workers, request.until()).await
    }

    async fn opens_rate(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let protocol = request.protocol_or(serving::BENCH_ECHO)?;
        let worker = |_| Opens { host: self.host.clone(), peer, protocol: protocol.clone(), bytes: request.size() };
        race((0..request.concurrency.max(1)).map(worker).collect(), request.until()).await
    }

    async fn dials_rate(&self, request: &Request) -> Outcome<Value> {
        let (peer, address) = request.address()?;
        let worker = |_| Ok(Dials { host: Host::new(&self.settings)?, peer, address: address.clone() });
        let workers: Outcome<Vec<Dials>> = (0..request.concurrency.max(1)).map(worker).collect();
        race(workers?, request.until()).await
    }

    async fn bulk_pings_rate(&self, request: &Request) -> Outcome<Value> {
        let peer = self.target(request).await?;
        let protocol = request.protocol_or(serving::BENCH_ECHO)?;
        let pings = Pings::new(&self.host, &peer, protocol, request.size()).await?;
        let bulk = self.host.open(&peer, serving::PERF, true).await?;
        race_beside_upload(pings, request.until(), bulk).await
    }

    async fn hold_connections(&self, request: &Request) -> Outcome<Value> {
        let (count, concurrency) = (request.count.max(1), request.concurrency.max(1));
        self.held.hold(&self.settings, request.address()?, count, concurrency).await
    }
}

async fn close(mut opened: Opened) -> Outcome<()> {
    Ok(futures::AsyncWriteExt::close(&mut opened.stream).await?)
}

pub fn answer_to(id: Value, outcome: Outcome<Value>) -> Value {
    match outcome {
        Ok(mut answer) => {
            answer["id"] = id;
            answer["ok"] = true.into();
            answer
        }
        Err(failure) => json!({"id": id, "ok": false, "error": failure.error, "kind": failure.kind}),
    }
}

/// Protocols and addresses as text, sorted.
#[derive(Default)]
struct Known {
    protocols: Vec<String>,
    addresses: Vec<String>,
}

impl Known {
    fn of(protocols: &[StreamProtocol], addresses: &[Multiaddr]) -> Self {
        let mut known = Self {
            protocols: protocols.iter().map(ToString::to_string).collect(),
            addresses: addresses.iter().map(|address| without_peer(address.clone()).to_string()).collect(),
        };
        known.protocols.sort();
        known.addresses.sort();
        known
    }
}

fn describe(connection: &Connection) -> Value {
    json!({
        "peer_id": connection.peer.to_string(),
        "direction": if connection.outbound { "outbound" } else { "inbound" },
        "local_address": connection.local_address.as_ref().map(ToString::to_string),
        "remote_address": connection.remote_address.to_string(),
        "security": connection.agreed.security,
        "muxer": connection.agreed.muxer,
        "early_muxer": false, // the library has no such thing
        "streams": connection.streams(),
    })
}

/// Processor time and the largest resident size of this process so far.
fn usage() -> Value {
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct it is given, and zeros are valid for it anyway.
    let used = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, used.as_mut_ptr());
        used.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    json!({
        "user_seconds": seconds(used.ru_utime),
        "system_seconds": seconds(used.ru_stime),
        "max_rss_bytes": used.ru_maxrss * 1024,
    })
}
