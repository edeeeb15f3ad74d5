//! The client sides: ping, echo, many echoes, perf.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, future::try_join};
use libp2p::Stream;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::{
    failure::{Failure, Outcome},
    serving::{drain, send_zeros},
    streams::Opened,
};

/// A request up to this size is sent whole before its answer is read: it fits the windows of both sides.
const SEQUENTIAL_BYTES: usize = 64 * 1024;

static SEED: AtomicU64 = AtomicU64::new(1);

/// Pseudo-random bytes, other ones for each stream (xorshift; nothing here is a secret).
pub struct Payload(u64);

impl Payload {
    pub fn new() -> Self {
        Self(SEED.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn fill(&mut self, buffer: &mut [u8]) {
        for piece in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            piece.copy_from_slice(&self.0.to_le_bytes()[..piece.len()]);
        }
    }
}

fn wrong_data(received: u64, expected: u64) -> Failure {
    Failure::other(format!("{received} of {expected} bytes came back, or others than were sent"))
}

/// Send so many bytes and wait until the same bytes came back: how long that took.
pub async fn exchange(stream: &mut Stream, bytes: usize) -> Outcome<Duration> {
    let mut sent = vec![0; bytes];
    let mut received = vec![0; bytes];
    Payload::new().fill(&mut sent);
    let start = Instant::now();
    if bytes <= SEQUENTIAL_BYTES {
        stream.write_all(&sent).await?;
        stream.flush().await?;
        stream.read_exact(&mut received).await?;
    } else {
        let (mut reader, mut writer) = stream.split();
        let sending = async {
            writer.write_all(&sent).await?;
            writer.flush().await
        };
        try_join(sending, reader.read_exact(&mut received)).await?;
    }
    let elapsed = start.elapsed();
    if sent == received { Ok(elapsed) } else { Err(wrong_data(bytes as u64, bytes as u64)) }
}

/// How one echo stream is driven.
#[derive(Clone, Copy)]
pub struct Plan {
    pub bytes: u64,
    pub chunk: usize,
    pub read_delay: Duration,
}

/// Write and read at the same time, half-close, read to the end and compare; the sum of what was sent.
pub async fn run_echo(opened: Opened, plan: Plan) -> Outcome<String> {
    let (mut reader, mut writer) = opened.stream.split();
    let sending = async {
        let (mut payload, mut sum, mut left) = (Payload::new(), Sha256::new(), plan.bytes);
        let mut buffer = vec![0; plan.chunk];
        while left > 0 {
            let part = &mut buffer[..left.min(plan.chunk as u64) as usize];
            payload.fill(part);
            sum.update(&part);
            writer.write_all(part).await?;
            left -= part.len() as u64;
        }
        writer.close().await?;
        Outcome::Ok(sum.finalize())
    };
    let receiving = async {
        let (mut sum, mut total) = (Sha256::new(), 0);
        let mut buffer = vec![0; plan.chunk];
        loop {
            let n = reader.read(&mut buffer).await?;
            if n == 0 {
                break;
            }
            sum.update(&buffer[..n]);
            total += n as u64;
            if !plan.read_delay.is_zero() {
                tokio::time::sleep(plan.read_delay).await;
            }
        }
        // A stream that the other side resets ends here as well: the library does not tell the two apart.
        if total == plan.bytes { Outcome::Ok(sum.finalize()) } else { Err(wrong_data(total, plan.bytes)) }
    };
    let (sent, returned) = try_join(sending, receiving).await?;
    if sent == returned { Ok(format!("{sent:x}")) } else { Err(wrong_data(plan.bytes, plan.bytes)) }
}

/// Echo on all streams at once.
pub async fn run_echoes(opened: Vec<Opened>, plan: Plan) -> Outcome<()> {
    let mut tasks: JoinSet<_> = opened.into_iter().map(|stream| run_echo(stream, plan)).collect();
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(Failure::other)??;
    }
    Ok(())
}

/// The client of /perf/1.0.0, uploading in writes of `chunk`.
pub async fn run_perf(mut stream: Stream, upload: u64, download: u64, chunk: usize) -> Outcome<Value> {
    let start = Instant::now();
    stream.write_all(&download.to_be_bytes()).await?;
    send_zeros(&mut stream, upload, chunk).await?;
    stream.close().await?;
    // The server answers only when it has everything, so its first byte (or its end) is the end of the upload.
    let first = stream.read(&mut [0]).await?;
    let uploaded = Instant::now();
    let received = if first == 0 { 0 } else { 1 + drain(&mut stream).await? };
    if received != download {
        return Err(wrong_data(received, download));
    }
    Ok(json!({
        "upload_bytes": upload,
        "download_bytes": download,
        "chunk": chunk,
        "upload_seconds": (uploaded - start).as_secs_f64(),
        "download_seconds": uploaded.elapsed().as_secs_f64(),
    }))
}
