//! TLS records as a client sends them behind its handshake: application data, which may be empty.

/// The length of a record's header.
pub const HEADER_BYTES: usize = 5;
/// What TLS 1.3 adds to the plaintext of a record: its type, and the tag of every suite that is in use.
pub const PROTECTION_BYTES: usize = 17;
/// The most payload in a record that we send: what a full record of TLS 1.3 has on the wire (RFC 8446, section 5.2).
pub const MAX_PAYLOAD_BYTES: usize = (1 << 14) + PROTECTION_BYTES;
/// The most payload in a record that we accept (RFC 8446, section 5.2).
const MAX_CLIENT_PAYLOAD_BYTES: u16 = (1 << 14) + 256;

/// An alert's payload in TLS 1.3: level and description, the real type, and the tag (RFC 8446, section 5.2).
pub const ENCRYPTED_ALERT_BYTES: usize = 2 + 1 + 16;
/// How much nginx reads at once. It leaves what is behind that in the kernel, so that closing resets the client.
const READ_AHEAD_BYTES: usize = 16 * 1024;
const APPLICATION_DATA: u8 = 0x17;

/// Writes the header of a record of application data.
pub fn write_header(header: &mut [u8], payload_bytes: usize) {
    let length = u16::try_from(payload_bytes).expect("a record's payload has two bytes for its length");
    header[..3].copy_from_slice(&[APPLICATION_DATA, 3, 3]);
    header[3..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// Makes what looks like the last record of a TLS 1.3 server that refuses a client's record: its encrypted alert.
pub fn encrypted_alert() -> [u8; HEADER_BYTES + ENCRYPTED_ALERT_BYTES] {
    let mut alert = [0; HEADER_BYTES + ENCRYPTED_ALERT_BYTES];
    write_header(&mut alert, ENCRYPTED_ALERT_BYTES);
    aws_lc_rs::rand::fill(&mut alert[HEADER_BYTES..]).expect("the system has random bytes");
    alert
}

/// A record came that a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// Whether it resets the client: more than `READ_AHEAD_BYTES` came behind its header.
    pub resets: bool,
}

/// Unwraps a client's stream, at any segmentation.
#[derive(Default)]
pub struct Decoder {
    header: [u8; HEADER_BYTES],
    header_bytes: u8,
    left_bytes: u16,
}

impl Decoder {
    /// Takes received bytes and calls `payload` with each piece of data in them. After an error nothing may follow.
    pub fn feed(&mut self, mut received: &[u8], mut payload: impl FnMut(&[u8])) -> Result<(), BadRecord> {
        while !received.is_empty() {
            if self.left_bytes == 0 {
                received = self.feed_header(received)?;
                continue;
            }
            let (piece, rest) = received.split_at(received.len().min(usize::from(self.left_bytes)));
            self.left_bytes -= u16::try_from(piece.len()).expect("not longer than what is left");
            payload(piece);
            received = rest;
        }
        Ok(())
    }

    fn feed_header<'a>(&mut self, received: &'a [u8]) -> Result<&'a [u8], BadRecord> {
        let have = usize::from(self.header_bytes);
        let (piece, rest) = received.split_at(received.len().min(HEADER_BYTES - have));
        self.header[have..have + piece.len()].copy_from_slice(piece);
        self.header_bytes += u8::try_from(piece.len()).expect("at most 5");
        if usize::from(self.header_bytes) == HEADER_BYTES {
            self.header_bytes = 0;
            let [kind, major, minor, high, low] = self.header;
            self.left_bytes = u16::from_be_bytes([high, low]);
            if (kind, major, minor) != (APPLICATION_DATA, 3, 3) || self.left_bytes > MAX_CLIENT_PAYLOAD_BYTES {
                return Err(BadRecord { resets: rest.len() > READ_AHEAD_BYTES });
            }
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&[u8]]) -> (Vec<u8>, Result<(), BadRecord>) {
        let (mut decoder, mut data) = (Decoder::default(), Vec::new());
        let outcome =
            pieces.iter().try_for_each(|piece| decoder.feed(piece, |payload| data.extend_from_slice(payload)));
        (data, outcome)
    }

    const STREAM: &[u8] = b"\x17\x03\x03\x00\x03abc\x17\x03\x03\x00\x00\x17\x03\x03\x00\x02de";

    #[test]
    fn data_is_joined_at_every_split() {
        for at in 0..=STREAM.len() {
            let (front, back) = STREAM.split_at(at);
            assert_eq!(feed(&[front, back]), (b"abcde".to_vec(), Ok(())), "split at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(feed(&bytes), (b"abcde".to_vec(), Ok(())));
    }

    #[test]
    fn no_two_alerts_are_alike() {
        assert_ne!(encrypted_alert(), encrypted_alert());
    }

    #[test]
    fn other_types_versions_and_lengths_are_bad_after_what_came_before() {
        let of_other_types = [b"\x14\x03\x03\x00\x01", b"\x15\x03\x03\x00\x02", b"\x16\x03\x03\x00\x01", b"GET /"];
        for bad in of_other_types.into_iter().chain([b"\x17\x03\x01\x00\x01", b"\x17\x03\x03\x41\x01"]) {
            let stream = [b"\x17\x03\x03\x00\x01a", bad.as_slice(), b"behind"].concat();
            assert_eq!(feed(&[&stream]), (b"a".to_vec(), Err(BadRecord { resets: false })), "{bad:?}");
        }
        assert_eq!(feed(&[b"\x17\x03\x03\x41\x00"]).1, Ok(()));
    }
}
