//! `hushfs keyvault serve`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::error::Error;
use crate::cli::init::{parent_of, sync_folder};
use crate::cli::names::Shown as _;
use crate::cli::output::print_at_once;
use crate::cli::restore::raise_file_limit;
use crate::cli::secrets::read_at_most;
use crate::keyvault::seed::OprfSeed;
#[cfg(feature = "keyvault-hsm")]
use crate::keyvault::seed::Pkcs11Seed;
use crate::keyvault::server::{
    Audit, Identity, Listening, Rates, ServeError, ServeOptions, TlsIdentity, serve,
};
#[cfg(feature = "keyvault-etcd")]
use crate::keyvault::store::{CertificateFiles, EtcdStore, EtcdTls};
use crate::keyvault::store::{EmbeddedStore, Store};

use super::args::ServeArgs;
use super::store_place::StorePlace;

/// No server's keys take more.
const SECRETS_BYTES_MAX: usize = 64 << 10;

/// Runs a key vault until it is told to end.
///
/// # Errors
/// [`Error::Serve`] or [`Error::Io`]; nobody was served then.
pub(super) fn run(args: &ServeArgs) -> Result<(), Error> {
    #[cfg(feature = "keyvault-etcd")]
    let etcd_tls = etcd_tls(args)?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            Some(TlsIdentity::from_files(certificate, key).map_err(ServeError::Tls)?)
        }
        _ => None,
    };
    let audit = match &args.audit_log {
        Some(path) => Audit::to_file(path).map_err(|source| Error::Io {
            doing: format!("opening the audit log {}", path.shown()),
            source,
        })?,
        None => Audit::off(),
    };
    let token = open_token(args)?;
    let secrets =
        args.secrets.as_deref().map(|path| secrets(path, token.as_deref())).transpose()?;
    let options = ServeOptions {
        listen: args.listen,
        metrics: args.metrics,
        tls,
        rates: Rates {
            address_per_minute: args.address_rate,
            account_per_minute: args.account_rate,
            address_connections: args.address_connections,
        },
        connections_max: args.connections,
        idle: args.idle,
        audit,
        secrets,
    };
    // Each connection is an open file.
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Io { doing: "starting the server".into(), source })?;
    runtime.block_on(async {
        match &args.store {
            StorePlace::File(path) => {
                let store = EmbeddedStore::open(path).map_err(ServeError::Store)?;
                run_with(store, token, options).await
            }
            #[cfg(feature = "keyvault-etcd")]
            StorePlace::Etcd(address) => {
                let seen = args.seen.as_deref().ok_or_else(|| {
                    Error::Usage("--store etcd:… needs --seen FILE (see --help)".into())
                })?;
                let store = EtcdStore::open(address, etcd_tls, seen, args.accept_rollback).await;
                run_with(store.map_err(ServeError::Store)?, token, options).await
            }
        }
    })
}

/// TLS to etcd, if the store is one, and its URLs say so.
#[cfg(feature = "keyvault-etcd")]
fn etcd_tls(args: &ServeArgs) -> Result<Option<EtcdTls>, Error> {
    let is_tls = matches!(&args.store, StorePlace::Etcd(address) if address.is_tls());
    let authority = match (is_tls, &args.etcd_ca) {
        (false, None) => return Ok(None),
        (true, Some(authority)) => authority,
        (true, None) => {
            let said = "--store with https:// needs --etcd-ca FILE (see --help)";
            return Err(Error::Usage(said.into()));
        }
        (false, Some(_)) => {
            let said = "--etcd-ca is for --store etcd:https://…: without TLS nobody looks at it";
            return Err(Error::Usage(said.into()));
        }
    };
    let shown = match (&args.etcd_cert, &args.etcd_key) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        _ => None,
    };
    Ok(Some(EtcdTls::from_files(authority, shown).map_err(ServeError::EtcdTls)?))
}

async fn run_with(
    store: impl Store,
    token: Option<Box<dyn OprfSeed>>,
    options: ServeOptions,
) -> Result<(), Error> {
    Ok(serve(store, token, options, tell).await?)
}

/// Says where it listens, and the pin, for people and scripts.
fn tell(listening: Listening) {
    let mut text = format!("listening at {}\npin {}\n", listening.address, listening.pin);
    if let Some(metrics) = listening.metrics {
        text.push_str(&format!("metrics at {metrics}\n"));
    }
    // That nobody reads it is no reason not to serve.
    let _ = print_at_once(text.as_bytes());
}

#[cfg(feature = "keyvault-hsm")]
fn open_token(args: &ServeArgs) -> Result<Option<Box<dyn OprfSeed>>, Error> {
    let Some(uri) = args.hsm.clone() else { return Ok(None) };
    let seed = match args.hsm_make_key {
        true => Pkcs11Seed::make(uri),
        false => Pkcs11Seed::open(uri),
    };
    Ok(Some(Box::new(seed.map_err(|error| ServeError::Identity(error.into()))?)))
}

#[cfg(not(feature = "keyvault-hsm"))]
fn open_token(_args: &ServeArgs) -> Result<Option<Box<dyn OprfSeed>>, Error> {
    Ok(None)
}

/// The server's keys in a file of their own; made, durably, if it is missing.
fn secrets(path: &Path, token: Option<&dyn OprfSeed>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed =
        |source| Error::Io { doing: format!("the server's keys in {}", path.shown()), source };
    match OpenOptions::new().read(true).open(path) {
        Ok(mut file) => read_at_most(&mut file, SECRETS_BYTES_MAX).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fresh = Identity::fresh(token).map_err(ServeError::Identity)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(failed)?;
            file.write_all(&fresh).and_then(|()| file.sync_all()).map_err(failed)?;
            sync_folder(parent_of(path)).map_err(failed)?;
            Ok(fresh)
        }
        Err(error) => Err(failed(error)),
    }
}
