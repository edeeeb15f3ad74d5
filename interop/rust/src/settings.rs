//! What the command line says.

use std::fs;

use libp2p::{identity::Keypair, pnet::PreSharedKey};
use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey, rand_core::OsRng};

use crate::failure::{Failure, Outcome};

const RSA_BITS: usize = 2048;

#[derive(Clone)]
pub struct Settings {
    pub listen: Vec<String>,
    pub key: String,
    pub security: Vec<&'static str>,
    pub muxers: Vec<&'static str>,
    pub transports: Vec<&'static str>,
    pub psk: Option<PreSharedKey>,
}

/// Names on the command line, and the protocol ids (or names of our own) they stand for.
const SECURITIES: &[(&str, &str)] = &[("noise", "/noise"), ("tls", "/tls/1.0.0"), ("plaintext", "/plaintext/2.0.0")];
const MUXERS: &[(&str, &str)] = &[("yamux", "/yamux/1.0.0"), ("mplex", "/mplex/6.7.0")];
const TRANSPORTS: &[(&str, &str)] = &[("tcp", "tcp"), ("ws", "ws"), ("quic-v1", "quic-v1")];

impl Settings {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut settings = Self {
            listen: Vec::new(),
            key: "ed25519".into(),
            security: vec!["/noise"],
            muxers: vec!["/yamux/1.0.0"],
            transports: vec!["tcp"],
            psk: None,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let (flag, value) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_string(), Some(value.to_string())),
                None => (argument, arguments.next()),
            };
            let value = value.ok_or_else(|| Failure::other(format!("{flag} needs a value")))?;
            settings.set(&flag, value).map_err(|failure| Failure::other(format!("{flag}: {}", failure.error)))?;
        }
        Ok(settings)
    }

    fn set(&mut self, flag: &str, value: String) -> Outcome<()> {
        match flag {
            "--listen" => self.listen.push(value),
            "--key" => self.key = value,
            "--security" => self.security = pick(&value, SECURITIES)?,
            "--muxer" => self.muxers = pick(&value, MUXERS)?,
            "--transport" => self.transports = pick(&value, TRANSPORTS)?,
            "--psk" => {
                let text = fs::read_to_string(&value).map_err(Failure::other)?;
                self.psk = Some(text.parse().map_err(|error| Failure::other(format!("{value}: {error}")))?);
            }
            _ => return Err(Failure::other("unknown flag")),
        }
        Ok(())
    }

    /// A fresh identity.
    pub fn new_key(&self) -> Outcome<Keypair> {
        match self.key.as_str() {
            "ed25519" => Ok(Keypair::generate_ed25519()),
            "secp256k1" => Ok(Keypair::generate_secp256k1()),
            "ecdsa" => Ok(Keypair::generate_ecdsa()),
            "rsa" => new_rsa_key(),
            other => Err(Failure::other(format!("--key: unknown type {other:?}"))),
        }
    }
}

fn pick(names: &str, known: &[(&'static str, &'static str)]) -> Outcome<Vec<&'static str>> {
    names
        .split(',')
        .map(|name| match known.iter().find(|(word, _)| *word == name) {
            Some((_, id)) => Ok(*id),
            None => Err(Failure::other(format!("unknown name {name:?}"))),
        })
        .collect()
}

/// The library signs with RSA keys but makes none.
fn new_rsa_key() -> Outcome<Keypair> {
    let key = RsaPrivateKey::new(&mut OsRng, RSA_BITS).map_err(Failure::other)?;
    let mut encoded = key.to_pkcs8_der().map_err(Failure::other)?.as_bytes().to_vec();
    Keypair::rsa_from_pkcs8(&mut encoded).map_err(Failure::other)
}
