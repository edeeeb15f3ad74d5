//! The commands for benchmarks: rounds by several workers, until a count or a time is reached.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::AsyncWriteExt;
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    exchanges::exchange,
    failure::{Failure, Outcome},
    host::Host,
    serving,
    streams::Opened,
};

/// With a count exactly that many rounds; without one, rounds start until the time is up.
#[derive(Clone, Copy)]
pub struct Until {
    pub count: usize,
    pub time: Duration,
}

pub trait Worker: Send + 'static {
    /// One round: how long it took.
    fn round(&mut self) -> impl Future<Output = Outcome<Duration>> + Send;
}

pub async fn race<W: Worker>(workers: Vec<W>, until: Until) -> Outcome<Value> {
    let taken = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks: JoinSet<_> =
        workers.into_iter().map(|worker| run(worker, until, start + until.time, taken.clone())).collect();
    let mut latencies = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let rounds = ended.map_err(Failure::other)?;
        latencies
            .extend(rounds.map_err(|Failure { kind, error }| Failure { kind, error: format!("a round: {error}") })?);
    }
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Ok(json!({
        "count": latencies.len(),
        "seconds": seconds,
        "p50_ms": quantile(&latencies, 0.50),
        "p99_ms": quantile(&latencies, 0.99),
    }))
}

async fn run<W: Worker>(mut worker: W, until: Until, end: Instant, taken: Arc<AtomicUsize>) -> Outcome<Vec<Duration>> {
    let mut latencies = Vec::new();
    while match until.count {
        0 => Instant::now() < end,
        count => taken.fetch_add(1, Ordering::Relaxed) < count,
    } {
        latencies.push(worker.round().await?);
    }
    Ok(latencies)
}

fn quantile(sorted: &[Duration], q: f64) -> f64 {
    let place = ((q * sorted.len() as f64) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

/// Requests on a stream that stays open.
pub struct Pings {
    opened: Opened,
    bytes: usize,
}

impl Pings {
    /// Opened, and used once, before the clock starts.
    pub async fn new(host: &Host, peer: &PeerId, protocol: StreamProtocol, bytes: usize) -> Outcome<Self> {
        let mut opened = host.open(peer, protocol, true).await?;
        exchange(&mut opened.stream, bytes).await?;
        Ok(Self { opened, bytes })
    }
}

impl Worker for Pings {
    async fn round(&mut self) -> Outcome<Duration> {
        exchange(&mut self.opened.stream, self.bytes).await
    }
}

/// A stream for each request.
pub struct Opens {
    pub host: Host,
    pub peer: PeerId,
    pub protocol: StreamProtocol,
    pub bytes: usize,
}

impl Worker for Opens {
    async fn round(&mut self) -> Outcome<Duration> {
        let start = Instant::now();
        let mut opened = self.host.open(&self.peer, self.protocol.clone(), true).await?;
        exchange(&mut opened.stream, self.bytes).await?;
        opened.stream.close().await?;
        Ok(start.elapsed())
    }
}

/// A connection for each request. The host is this worker's own, since one host keeps its connections to a peer.
pub struct Dials {
    pub host: Host,
    pub peer: PeerId,
    pub address: Multiaddr,
}

impl Worker for Dials {
    async fn round(&mut self) -> Outcome<Duration> {
        let start = Instant::now();
        self.host.dial(self.peer, self.address.clone()).await?;
        let mut opened = self.host.open(&self.peer, serving::PING, true).await?;
        exchange(&mut opened.stream, serving::PING_BYTES).await?;
        opened.stream.close().await?;
        self.host.disconnect(self.peer).await;
        Ok(start.elapsed())
    }
}
