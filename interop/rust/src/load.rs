//! The commands for benchmarks that load a peer: pings beside an upload, many idle connections, what they cost.

use std::{
    fs,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{AsyncWriteExt, TryStreamExt, future::join_all, stream::iter};
use libp2p::{Multiaddr, PeerId};
use serde_json::{Value, json};
use tokio::{runtime::Handle, task::JoinSet};

use crate::{
    failure::{Failure, Outcome},
    host::Host,
    rates::{Pings, Until, race},
    serving::{self, COPY_BYTES, drain, send_zeros},
    settings::Settings,
    streams::Opened,
};

/// A worker thread that is busy for longer is not waited for.
const MEETING_TIMEOUT: Duration = Duration::from_secs(1);

/// Pings while an upload runs on another stream of the same connection.
pub async fn race_beside_upload(pings: Pings, until: Until, mut bulk: Opened) -> Outcome<Value> {
    bulk.stream.write_all(&0u64.to_be_bytes()).await?; // nothing is wanted back
    bulk.stream.flush().await?;
    let ended = Arc::new(AtomicBool::new(false));
    let mut uploading = JoinSet::new(); // ends with this command, even if that fails
    uploading.spawn(upload_until(bulk, ended.clone()));
    let mut answer = race(vec![pings], until).await?;
    ended.store(true, Ordering::Relaxed);
    let uploaded = uploading.join_next().await.expect("it was spawned");
    answer["bulk_bytes"] = uploaded.map_err(Failure::other)??.into();
    Ok(answer)
}

/// Ends when the server has it all: how much that was.
async fn upload_until(mut bulk: Opened, ended: Arc<AtomicBool>) -> Outcome<u64> {
    let mut sent = 0;
    while !ended.load(Ordering::Relaxed) {
        send_zeros(&mut bulk.stream, COPY_BYTES as u64, COPY_BYTES).await?;
        sent += COPY_BYTES as u64;
    }
    bulk.stream.close().await?;
    drain(&mut bulk.stream).await?;
    Ok(sent)
}

/// Hosts that have one connection each, until they are released.
#[derive(Default)]
pub struct Held(Mutex<Vec<(Host, PeerId)>>);

impl Held {
    /// Make hosts, then connect each of them once. Those of a command that fails are held as well.
    pub async fn hold(
        &self,
        settings: &Settings,
        (peer, address): (PeerId, Multiaddr),
        count: usize,
        concurrency: usize,
    ) -> Outcome<Value> {
        let mut hosts = Vec::with_capacity(count);
        for _ in 0..count {
            let host = Host::new(settings)?;
            self.0.lock().unwrap().push((host.clone(), peer));
            hosts.push(host);
        }
        let before = resident_bytes().await?;
        let start = Instant::now();
        iter(hosts.into_iter().map(Ok))
            .try_for_each_concurrent(concurrency, async |host: Host| {
                host.dial(peer, address.clone()).await?;
                host.identified(&peer).await.map(drop)
            })
            .await?;
        let seconds = start.elapsed().as_secs_f64();
        let after = resident_bytes().await?;
        Ok(json!({"count": count, "seconds": seconds, "rss_before_bytes": before, "rss_after_bytes": after}))
    }

    /// Close them all.
    pub async fn release(&self) {
        let held = std::mem::take(&mut *self.0.lock().unwrap());
        join_all(held.iter().map(|(host, peer)| host.disconnect(*peer))).await;
    }
}

/// What this process has resident once its free memory is given back.
pub async fn resident_bytes() -> Outcome<u64> {
    give_back().await;
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map(|kilobytes: u64| kilobytes * 1024).ok_or_else(|| Failure::other("no VmRSS in /proc/self/status"))
}

unsafe extern "C" {
    /// Of mimalloc, whose crate does not show it: gives back what the calling thread has free.
    fn mi_collect(force: bool);
}

/// Each thread of the allocator keeps free memory of its own, so each worker thread has to collect.
async fn give_back() {
    let workers = Handle::current().metrics().num_workers();
    let meeting = Arc::new(Meeting::default());
    let mut tasks: JoinSet<()> = (0..workers).map(|_| collect_with_others(meeting.clone(), workers)).collect();
    while tasks.join_next().await.is_some() {}
}

async fn collect_with_others(meeting: Arc<Meeting>, workers: usize) {
    meeting.attend(workers);
    // SAFETY: it takes no pointer, and any thread may call it at any time.
    unsafe { mi_collect(true) };
}

/// Blocks each thread that comes until all are there: so no two tasks that attend run on the same one.
#[derive(Default)]
struct Meeting {
    there: Mutex<usize>,
    more: Condvar,
}

impl Meeting {
    fn attend(&self, wanted: usize) {
        let mut there = self.there.lock().unwrap();
        *there += 1;
        self.more.notify_all();
        drop(self.more.wait_timeout_while(there, MEETING_TIMEOUT, |there| *there < wanted));
    }
}
