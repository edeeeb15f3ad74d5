//! A rust-libp2p peer driven by JSON lines: commands on stdin, events and answers on stdout, logs on stderr.
//! The interface is described in ../README.md.

mod board;
mod commands;
mod exchanges;
mod failure;
mod host;
mod load;
mod rates;
mod serving;
mod settings;
mod streams;
mod transports;

use std::{env, io::Write, process::exit, sync::Arc};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    commands::{Peer, Request, answer_to},
    failure::{Failure, Outcome},
    host::Host,
    load::Held,
    settings::Settings,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MANIFEST: &str = include_str!("../Cargo.toml");

/// The version of the library, as Cargo.toml pins it.
pub fn library_version() -> &'static str {
    let line = MANIFEST.lines().find_map(|line| line.strip_prefix("libp2p = { version = \"="));
    line.and_then(|rest| rest.split('"').next()).unwrap_or("unknown")
}

#[tokio::main]
async fn main() {
    if let Err(failure) = run().await {
        eprintln!("peer: {}", failure.error);
        exit(1);
    }
    exit(0); // at once: the thread that reads stdin would hold the runtime
}

async fn run() -> Outcome<()> {
    let settings = Settings::parse(env::args().skip(1))?;
    raise_open_files();
    let host = Host::new(&settings)?;
    for text in &settings.listen {
        let failed = |error: String| Failure::other(format!("--listen {text}: {error}"));
        let address = text.parse().map_err(|error: libp2p::multiaddr::Error| failed(error.to_string()))?;
        host.listen(address).await.map_err(|failure| failed(failure.error))?;
    }
    say(&json!({
        "event": "listening",
        "peer_id": host.peer_id.to_string(),
        "addresses": host.addresses(),
        "implementation": format!("rust-libp2p v{}", library_version()),
    }));
    serve(Arc::new(Peer { host, settings, held: Held::default() })).await
}

/// The soft limit becomes the hard one: each connection is an open file. Where that fails the limit stays, and a
/// command that needs more files says so.
fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both take a pointer to a struct that outlives the call.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Answer commands, each in a task of its own, until quit or the end of stdin.
async fn serve(peer: Arc<Peer>) -> Outcome<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let request = match parse(&line) {
            Ok(request) => request,
            Err((id, failure)) => {
                say(&answer_to(id, Err(failure)));
                continue;
            }
        };
        if request.cmd == "quit" {
            say(&answer_to(request.id, Ok(json!({}))));
            return Ok(());
        }
        let peer = peer.clone();
        tokio::spawn(async move { say(&peer.answer(request).await) });
    }
    Ok(())
}

fn parse(line: &str) -> Result<Request, (Value, Failure)> {
    let value: Value = serde_json::from_str(line).map_err(|error| (Value::Null, Failure::bad_command(error)))?;
    let id = value.get("id").cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| (id, Failure::bad_command(error)))
}

/// One JSON object a line; from any task.
fn say(object: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{object}").and_then(|()| out.flush());
}
