//! Where a server is, as people write it.

use std::fmt;

use rustls::pki_types::ServerName;

use crate::keyvault::protocol::PORT;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    host: String,
    port: u16,
}

impl ServerAddress {
    /// `HOST`, `HOST:PORT` or `[IPv6]:PORT`, also behind `keyvault://`. `None` if it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("keyvault://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).ok().filter(|port| *port > 0)?;
        ServerName::try_from(host).ok()?;
        Some(Self { host: host.to_ascii_lowercase(), port })
    }

    /// The host: a name, or an address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        for (text, address) in [
            ("keys.example", "keys.example:4797"),
            ("keyvault://Keys.Example:99/", "keys.example:99"),
            ("192.0.2.1:99", "192.0.2.1:99"),
            ("[2001:DB8::1]", "[2001:db8::1]:4797"),
            ("[::1]:99", "[::1]:99"),
        ] {
            let parsed = ServerAddress::parse(text).unwrap();
            assert_eq!(parsed.to_string(), address);
            assert_eq!(ServerAddress::parse(address), Some(parsed));
        }
        for text in [
            "",
            ":99",
            "a b",
            "host:",
            "host:0",
            "host:65536",
            "[::1",
            "[::1]x",
            "::1",
            "https://a",
        ] {
            assert_eq!(ServerAddress::parse(text), None, "{text}");
        }
    }
}
