//! TLS records as a client sends them: 0x17 is data and may be empty, 0x14 is skipped, 0x15 ends the stream.

/// The length of a record's header.
pub const HEADER_BYTES: usize = 5;
/// What TLS 1.3 adds to the plaintext of a record: its type, and the tag of every suite that is in use.
pub const PROTECTION_BYTES: usize = 17;
/// The most payload in a record that we send: what a full record of TLS 1.3 has on the wire (RFC 8446, section 5.2).
pub const MAX_PAYLOAD_BYTES: usize = (1 << 14) + PROTECTION_BYTES;
/// The most payload in a record that we accept (RFC 8446, section 5.2).
const MAX_CLIENT_PAYLOAD_BYTES: u16 = (1 << 14) + 256;

const CHANGE_CIPHER_SPEC: u8 = 0x14;
const ALERT: u8 = 0x15;
const APPLICATION_DATA: u8 = 0x17;

/// Writes the header of a record of application data.
pub fn write_header(header: &mut [u8], payload_bytes: usize) {
    let length = u16::try_from(payload_bytes).expect("a record's payload has two bytes for its length");
    header[..3].copy_from_slice(&[APPLICATION_DATA, 3, 3]);
    header[3..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// The state of a stream after the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// More may come.
    Open,
    /// An alert has ended it; bytes after it are ignored.
    Ended,
    /// A record came that a client may not send.
    Bad,
}

/// Unwraps a client's stream, at any segmentation.
pub struct Decoder {
    header: [u8; HEADER_BYTES],
    header_bytes: u8,
    left_bytes: u16,
    is_data: bool,
    status: Status,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { header: [0; HEADER_BYTES], header_bytes: 0, left_bytes: 0, is_data: false, status: Status::Open }
    }
}

impl Decoder {
    /// Takes received bytes and calls `payload` with each piece of data in them.
    pub fn feed(&mut self, mut received: &[u8], mut payload: impl FnMut(&[u8])) -> Status {
        while !received.is_empty() && self.status == Status::Open {
            if self.left_bytes == 0 {
                received = self.feed_header(received);
                continue;
            }
            let (piece, rest) = received.split_at(received.len().min(usize::from(self.left_bytes)));
            self.left_bytes -= u16::try_from(piece.len()).expect("not longer than what is left");
            if self.is_data {
                payload(piece);
            }
            received = rest;
        }
        self.status
    }

    fn feed_header<'a>(&mut self, received: &'a [u8]) -> &'a [u8] {
        let have = usize::from(self.header_bytes);
        let (piece, rest) = received.split_at(received.len().min(HEADER_BYTES - have));
        self.header[have..have + piece.len()].copy_from_slice(piece);
        self.header_bytes += u8::try_from(piece.len()).expect("at most 5");
        if usize::from(self.header_bytes) == HEADER_BYTES {
            self.header_bytes = 0;
            self.begin_record();
        }
        rest
    }

    fn begin_record(&mut self) {
        let [kind, major, minor, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        if !matches!(kind, APPLICATION_DATA | CHANGE_CIPHER_SPEC | ALERT)
            || (major, minor) != (3, 3)
            || length > MAX_CLIENT_PAYLOAD_BYTES
        {
            self.status = Status::Bad;
        } else if kind == ALERT {
            self.status = Status::Ended;
        } else {
            self.left_bytes = length;
            self.is_data = kind == APPLICATION_DATA;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&[u8]]) -> (Vec<u8>, Status) {
        let (mut decoder, mut data) = (Decoder::default(), Vec::new());
        let mut status = Status::Open;
        for piece in pieces {
            status = decoder.feed(piece, |payload| data.extend_from_slice(payload));
        }
        (data, status)
    }

    const STREAM: &[u8] = b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x03abc\x17\x03\x03\x00\x00\x17\x03\x03\x00\x02de";

    #[test]
    fn data_is_joined_and_the_rest_skipped_at_every_split() {
        for at in 0..=STREAM.len() {
            let (front, back) = STREAM.split_at(at);
            assert_eq!(feed(&[front, back]), (b"abcde".to_vec(), Status::Open), "split at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(feed(&bytes), (b"abcde".to_vec(), Status::Open));
    }

    #[test]
    fn an_alert_ends_the_stream_and_what_follows_does_not_count() {
        assert_eq!(
            feed(&[b"\x17\x03\x03\x00\x01a\x15\x03\x03\x00\x02\x01\x00\x17\x03\x03\x00\x01b"]),
            (b"a".to_vec(), Status::Ended)
        );
    }

    #[test]
    fn other_types_versions_and_lengths_are_bad_after_what_came_before() {
        for bad in [b"\x16\x03\x03\x00\x01", b"\x17\x03\x01\x00\x01", b"\x17\x03\x03\x41\x01", b"GET /"] {
            let stream = [b"\x17\x03\x03\x00\x01a", bad.as_slice()].concat();
            assert_eq!(feed(&[&stream]), (b"a".to_vec(), Status::Bad), "{bad:?}");
        }
        assert_eq!(feed(&[b"\x17\x03\x03\x41\x00"]).1, Status::Open);
    }
}
