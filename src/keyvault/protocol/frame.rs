//! A message on the wire: its length (`u32`, little-endian), then itself (postcard).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of the length.
pub const LENGTH_BYTES: usize = 4;
/// No message is longer.
pub const FRAME_BYTES_MAX: usize = 8 * 1024;

/// What was received is no message. The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than any message.
    #[error("a message of {bytes} bytes, where {FRAME_BYTES_MAX} is the most")]
    TooLong {
        /// What it says it is.
        bytes: usize,
    },
    /// Not one of the messages there are.
    #[error("not a message of this protocol")]
    Malformed,
}

/// A message with its length before it.
///
/// # Errors
/// [`FrameError::TooLong`].
pub fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut frame =
        postcard::to_extend(message, vec![0; LENGTH_BYTES]).map_err(|_| FrameError::Malformed)?;
    let bytes = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(bytes).map_err(|_| FrameError::TooLong { bytes })?;
    body_bytes(length.to_le_bytes())?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// How many bytes of message follow a length.
///
/// # Errors
/// [`FrameError::TooLong`]; nothing has been allocated for it.
pub fn body_bytes(length: [u8; LENGTH_BYTES]) -> Result<usize, FrameError> {
    let bytes = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    match bytes {
        0..=FRAME_BYTES_MAX => Ok(bytes),
        _ => Err(FrameError::TooLong { bytes }),
    }
}

/// A message, without its length.
///
/// # Errors
/// [`FrameError::Malformed`], also if something is left over.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_whole_and_nothing_else_does() {
        let frame = encode(&("text", 7_u64)).unwrap();
        let (length, body) = frame.split_at(LENGTH_BYTES);
        assert_eq!(body_bytes(length.try_into().unwrap()), Ok(body.len()));
        assert_eq!(decode(body), Ok(("text".to_owned(), 7_u64)));
        assert_eq!(decode::<(String, u64)>(&body[1..]), Err(FrameError::Malformed));
        let longer = [body, b"x"].concat();
        assert_eq!(decode::<(String, u64)>(&longer), Err(FrameError::Malformed));
    }

    #[test]
    fn what_is_longer_than_any_message_is_neither_sent_nor_waited_for() {
        assert!(encode(&"x".repeat(FRAME_BYTES_MAX - 2)).is_ok());
        assert!(encode(&"x".repeat(FRAME_BYTES_MAX - 1)).is_err());
        assert_eq!(body_bytes([0, 32, 0, 0]), Ok(FRAME_BYTES_MAX));
        assert_eq!(body_bytes([1, 32, 0, 0]), Err(FrameError::TooLong { bytes: 8193 }));
        assert!(body_bytes([0xFF; 4]).is_err());
    }
}
