//! What this peer serves.

use std::{io, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{Stream, StreamProtocol};

use crate::streams::Opened;

pub const PING: StreamProtocol = StreamProtocol::new("/ipfs/ping/1.0.0");
pub const ECHO: StreamProtocol = StreamProtocol::new("/interop/echo/1.0.0");
pub const BENCH_ECHO: StreamProtocol = StreamProtocol::new("/bench/echo/1.0.0");
pub const PERF: StreamProtocol = StreamProtocol::new("/perf/1.0.0");
const SLOW: StreamProtocol = StreamProtocol::new("/interop/slow/1.0.0");
const RESET: StreamProtocol = StreamProtocol::new("/interop/reset/1.0.0");

pub const PING_BYTES: usize = 32;
pub const COPY_BYTES: usize = 64 * 1024;
const SLOW_PERIOD: Duration = Duration::from_millis(4);

/// From the start; commands add and remove more, which are echoes.
pub fn protocols() -> Vec<StreamProtocol> {
    vec![PING, ECHO, BENCH_ECHO, SLOW, RESET, PERF]
}

/// To the end of the stream. An error drops the stream unclosed, which resets it.
pub async fn serve(protocol: StreamProtocol, opened: Opened) {
    let stream = opened.stream;
    let _ = match protocol {
        protocol if protocol == PING => serve_ping(stream).await,
        protocol if protocol == SLOW => echo(stream, Some(SLOW_PERIOD)).await,
        protocol if protocol == RESET => reset(stream).await,
        protocol if protocol == PERF => serve_perf(stream).await,
        _ => echo(stream, None).await,
    };
}

async fn serve_ping(mut stream: Stream) -> io::Result<()> {
    let mut payload = [0; PING_BYTES];
    loop {
        match stream.read_exact(&mut payload).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return stream.close().await,
            Err(error) => return Err(error),
        }
        stream.write_all(&payload).await?;
        stream.flush().await?;
    }
}

async fn echo(mut stream: Stream, pause: Option<Duration>) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return stream.close().await;
        }
        stream.write_all(&buffer[..n]).await?;
        stream.flush().await?;
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}

/// The code asked for is read, but the library sends no codes.
async fn reset(mut stream: Stream) -> io::Result<()> {
    stream.read_exact(&mut [0; 4]).await
}

async fn serve_perf(mut stream: Stream) -> io::Result<()> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    drain(&mut stream).await?;
    send_zeros(&mut stream, u64::from_be_bytes(header), COPY_BYTES).await?;
    stream.close().await
}

/// How many bytes came until the end.
pub async fn drain(stream: &mut Stream) -> io::Result<u64> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}

/// So many bytes in writes of `chunk`.
pub async fn send_zeros(stream: &mut Stream, bytes: u64, chunk: usize) -> io::Result<()> {
    let zeros = vec![0; chunk];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(chunk as u64);
        stream.write_all(&zeros[..part as usize]).await?;
        left -= part;
    }
    Ok(())
}
