//! How a key in a PKCS#11 token is named (RFC 7512):
//! `pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE`.

use std::path::PathBuf;

/// Why a URI names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs11UriError {
    /// Another scheme.
    #[error(
        "a key in a token is named pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE"
    )]
    Scheme,
    /// Something that has to be there is not.
    #[error("{0}= is missing in the pkcs11: URI")]
    Missing(&'static str),
    /// Something that is not used, so that it is not thought to be.
    #[error("{0}= in a pkcs11: URI is not understood here")]
    Unknown(String),
    /// The PIN would show in the list of processes.
    #[error(
        "a PIN on the command line can be read by everybody: put it into a file, and name that by pin-source="
    )]
    PinValue,
    /// A percent sign without two hex digits, or not UTF-8.
    #[error("“{0}” is not escaped as in a URI")]
    Escape(String),
    /// The same attribute twice.
    #[error("{0}= is in the pkcs11: URI twice")]
    Twice(String),
}

/// A secret key in a token, the library that speaks to it, and where the PIN is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// The token's label.
    pub token: String,
    /// The token's serial number, if there is more than one with the label.
    pub serial: Option<String>,
    /// The key's label.
    pub object: String,
    /// The library.
    pub module: PathBuf,
    /// A file whose first line is the PIN.
    pub pin_file: PathBuf,
}

impl Pkcs11Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`Pkcs11UriError`].
    pub fn parse(text: &str) -> Result<Self, Pkcs11UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(Pkcs11UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let [mut token, mut serial, mut object, mut module, mut pin] = [const { None }; 5];
        let attributes = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').ok_or(Pkcs11UriError::Scheme)?;
            let place = match name {
                "token" => &mut token,
                "serial" => &mut serial,
                "object" => &mut object,
                "module-path" => &mut module,
                "pin-source" => &mut pin,
                // A key for HMAC can be of no other type.
                "type" if value == "secret-key" => continue,
                "pin-value" => return Err(Pkcs11UriError::PinValue),
                _ => return Err(Pkcs11UriError::Unknown(name.to_owned())),
            };
            if place.replace(unescape(value)?).is_some() {
                return Err(Pkcs11UriError::Twice(name.to_owned()));
            }
        }
        let pin = pin.ok_or(Pkcs11UriError::Missing("pin-source"))?;
        let pin_path = pin.strip_prefix("file://").or_else(|| pin.strip_prefix("file:"));
        Ok(Self {
            token: token.ok_or(Pkcs11UriError::Missing("token"))?,
            serial,
            object: object.ok_or(Pkcs11UriError::Missing("object"))?,
            module: module.ok_or(Pkcs11UriError::Missing("module-path"))?.into(),
            pin_file: pin_path.unwrap_or(&pin).into(),
        })
    }
}

fn unescape(text: &str) -> Result<String, Pkcs11UriError> {
    let wrong = || Pkcs11UriError::Escape(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (pair, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(wrong);
        let value = digit(pair[0])? << 4 | digit(pair[1])?;
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let uri = "pkcs11:token=key%20vault;object=seed;type=secret-key;serial=01\
                   ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pin";
        let expected = Pkcs11Uri {
            token: "key vault".into(),
            serial: Some("01".into()),
            object: "seed".into(),
            module: "/usr/lib/softhsm/libsofthsm2.so".into(),
            pin_file: "/etc/pin".into(),
        };
        assert_eq!(Pkcs11Uri::parse(uri), Ok(expected));
        let bare = "pkcs11:token=a;object=b?module-path=c&pin-source=";
        for pin in ["/etc/pin", "file:/etc/pin", "file:///etc/pin"] {
            let read = Pkcs11Uri::parse(&format!("{bare}{pin}")).unwrap();
            assert_eq!(read.pin_file, PathBuf::from("/etc/pin"));
        }
    }

    #[test]
    fn what_is_not_understood_or_not_safe_is_refused() {
        let refused = |text: &str| Pkcs11Uri::parse(text).unwrap_err();
        assert_eq!(refused("/dev/tpm0"), Pkcs11UriError::Scheme);
        assert_eq!(refused("pkcs11:token"), Pkcs11UriError::Scheme);
        assert_eq!(refused("pkcs11:token=a"), Pkcs11UriError::Missing("pin-source"));
        assert_eq!(refused("pkcs11:?pin-value=1234"), Pkcs11UriError::PinValue);
        assert_eq!(refused("pkcs11:slot-id=1"), Pkcs11UriError::Unknown("slot-id".into()));
        assert_eq!(refused("pkcs11:token=a;token=b"), Pkcs11UriError::Twice("token".into()));
        for wrong in ["%", "%2", "%zz", "%ff"] {
            let said = refused(&format!("pkcs11:token={wrong}"));
            assert_eq!(said, Pkcs11UriError::Escape(wrong.into()));
        }
    }
}
