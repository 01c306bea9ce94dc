//! Which store `--store` names.

use std::path::PathBuf;

#[cfg(feature = "keyvault-etcd")]
use crate::keyvault::store::EtcdAddress;

/// Where a key vault keeps its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// One file.
    File(PathBuf),
    /// An etcd cluster.
    #[cfg(feature = "keyvault-etcd")]
    Etcd(EtcdAddress),
}

impl StorePlace {
    /// From what was typed. A file whose name begins with `etcd:` is `./etcd:…`.
    ///
    /// # Errors
    /// What to say.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        #[cfg(feature = "keyvault-etcd")]
        if let Some(address) = EtcdAddress::parse(text) {
            return address.map(Self::Etcd).map_err(|error| error.to_string());
        }
        #[cfg(not(feature = "keyvault-etcd"))]
        if text.starts_with("etcd:") {
            return Err("this hushfs was built without etcd (the feature keyvault-etcd)".to_owned());
        }
        Ok(Self::File(text.into()))
    }
}
