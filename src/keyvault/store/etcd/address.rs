//! How an etcd store is named on the command line.

/// Prefix of all keys, unless another one is named.
const DEFAULT_PREFIX: &str = "hushfs/keyvault/";
/// What an etcd store's name begins with.
const SCHEME: &str = "etcd:";

/// Why a name is none of an etcd store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EtcdAddressError {
    /// A machine is missing or not a URL.
    #[error(
        "“{0}” is not how a machine of etcd is named: write etcd:https://HOST:PORT,https://HOST:PORT…"
    )]
    Endpoint(String),
    /// TLS to one machine, and none to another.
    #[error(
        "some machines of etcd are named with https:// and some with http://: TLS is for all or none"
    )]
    Mixed,
    /// What comes after the question mark.
    #[error("“{0}” is not understood: after ? comes prefix=TEXT")]
    Option(String),
}

/// The machines of an etcd cluster, and what keys in it begin with:
/// `etcd:https://a:2379,https://b:2379[?prefix=TEXT]`, or `http://` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdAddress {
    /// URLs.
    pub endpoints: Vec<String>,
    /// What every key begins with.
    pub prefix: String,
}

impl EtcdAddress {
    /// `None` if the text names another kind of store.
    ///
    /// # Errors
    /// [`EtcdAddressError`].
    pub fn parse(text: &str) -> Option<Result<Self, EtcdAddressError>> {
        text.strip_prefix(SCHEME).map(Self::parse_rest)
    }

    fn parse_rest(text: &str) -> Result<Self, EtcdAddressError> {
        let (machines, option) = match text.split_once('?') {
            Some((machines, option)) => (machines, Some(option)),
            None => (text, None),
        };
        let endpoints = machines.split(',').map(endpoint).collect::<Result<Vec<_>, _>>()?;
        if endpoints.iter().any(|one| is_tls(one) != is_tls(&endpoints[0])) {
            return Err(EtcdAddressError::Mixed);
        }
        let prefix = match option {
            None => DEFAULT_PREFIX.to_owned(),
            Some(option) => match option.strip_prefix("prefix=") {
                Some(prefix) if !prefix.is_empty() => format!("{}/", prefix.trim_end_matches('/')),
                _ => return Err(EtcdAddressError::Option(option.to_owned())),
            },
        };
        Ok(Self { endpoints, prefix })
    }

    /// Whether its machines are spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        self.endpoints.iter().any(|one| is_tls(one))
    }
}

fn is_tls(endpoint: &str) -> bool {
    endpoint.starts_with("https://")
}

fn endpoint(text: &str) -> Result<String, EtcdAddressError> {
    match text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) {
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '@', ' ']) => Ok(text.to_owned()),
        _ => Err(EtcdAddressError::Endpoint(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_prefix_are_read() {
        let read = EtcdAddress::parse("etcd:http://a:1,http://b:2").unwrap().unwrap();
        assert_eq!(read.endpoints, ["http://a:1", "http://b:2"]);
        assert_eq!(read.prefix, "hushfs/keyvault/");
        assert!(!read.is_tls());
        let read = EtcdAddress::parse("etcd:https://a:1?prefix=mine").unwrap().unwrap();
        assert_eq!(read.prefix, "mine/");
        assert!(read.is_tls());
    }

    #[test]
    fn a_path_is_no_etcd_store() {
        assert_eq!(EtcdAddress::parse("/var/lib/hushfs/store"), None);
        assert_eq!(EtcdAddress::parse("./etcd:x"), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |text: &str| EtcdAddress::parse(text).unwrap().unwrap_err();
        assert_eq!(refused("etcd:"), EtcdAddressError::Endpoint(String::new()));
        assert_eq!(refused("etcd:http://a:1,"), EtcdAddressError::Endpoint(String::new()));
        assert_eq!(refused("etcd:a:1"), EtcdAddressError::Endpoint("a:1".into()));
        assert_eq!(refused("etcd:https://a:1,http://b:1"), EtcdAddressError::Mixed);
        assert_eq!(refused("etcd:http://a:1?x=1"), EtcdAddressError::Option("x=1".into()));
        assert_eq!(refused("etcd:http://a:1?prefix="), EtcdAddressError::Option("prefix=".into()));
    }
}
