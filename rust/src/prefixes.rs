//! A set of IP prefixes, made from the text of a netset: sorted ranges that don't touch, found by bisection.
//!
//! A million prefixes take a dozen megabytes. A property test checks that `mtglib/ipblocklist/pure_prefixes.py` parses
//! lines by the same rules; change both together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first and the last number of a range of addresses.
type Range<T> = (T, T);

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Addresses of both families.
#[derive(Default)]
pub struct Prefixes {
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
    count: usize,
    broken_lines: usize,
}

impl Prefixes {
    /// Read a netset in pieces of whole lines: an address, a prefix or a range in each, comments after `#` or `;`.
    pub fn parse(pieces: &[&[u8]]) -> Self {
        let mut set = Self::default();
        for (index, piece) in pieces.iter().enumerate() {
            let text = if index == 0 { piece.strip_prefix(BYTE_ORDER_MARK).unwrap_or(piece) } else { piece };
            for line in text.split(|byte| *byte == b'\n') {
                set.add(line);
            }
        }
        set.merge();
        set
    }

    /// Put sets together; their counts are added.
    pub fn union(sets: &[&Self]) -> Self {
        let mut union = Self::default();
        union.v4.reserve_exact(sets.iter().map(|set| set.v4.len()).sum());
        union.v6.reserve_exact(sets.iter().map(|set| set.v6.len()).sum());
        for set in sets {
            union.v4.extend_from_slice(&set.v4);
            union.v6.extend_from_slice(&set.v6);
            union.count += set.count;
            union.broken_lines += set.broken_lines;
        }
        union.merge();
        union
    }

    /// The number of lines with an address, a prefix or a range.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of other lines.
    pub fn broken_lines(&self) -> usize {
        self.broken_lines
    }

    /// Whether an IPv4 address is in the set.
    pub fn contains_v4(&self, number: u32) -> bool {
        has(&self.v4, number)
    }

    /// Whether an IPv6 address is; one that is IPv4-mapped is looked up as IPv4.
    pub fn contains_v6(&self, number: u128) -> bool {
        match Ipv6Addr::from_bits(number).to_ipv4_mapped() {
            Some(mapped) => self.contains_v4(mapped.to_bits()),
            None => has(&self.v6, number),
        }
    }

    fn add(&mut self, line: &[u8]) {
        let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
        let entry = line[..end].trim_ascii();
        if entry.is_empty() {
            return;
        }
        match std::str::from_utf8(entry).ok().and_then(parse_entry) {
            Some(Entry::V4(range)) => self.v4.push(range),
            Some(Entry::V6(range)) => self.v6.push(range),
            None => {
                self.broken_lines += 1;
                return;
            }
        }
        self.count += 1;
    }

    fn merge(&mut self) {
        merge(&mut self.v4, |last| last.checked_add(1));
        merge(&mut self.v6, |last| last.checked_add(1));
    }
}

enum Entry {
    V4(Range<u32>),
    V6(Range<u128>),
}

/// Parses `address`, `address/length` or `address - address`.
fn parse_entry(text: &str) -> Option<Entry> {
    if let Some((first, last)) = text.split_once('-') {
        return match (canonical(first.trim_ascii_end())?, canonical(last.trim_ascii_start())?) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => Some(Entry::V4((first.into(), last.into()))),
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => Some(Entry::V6((first.into(), last.into()))),
            _ => None,
        };
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(parse_length(length)?)),
        None => (text, None),
    };
    match address.parse().ok()? {
        IpAddr::V4(ip) => v4_prefix(ip, length.unwrap_or(32)),
        IpAddr::V6(ip) => v6_prefix(ip, length.unwrap_or(128)),
    }
}

fn canonical(text: &str) -> Option<IpAddr> {
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

fn parse_length(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|length| plain && *length <= 128)
}

fn v4_prefix(ip: Ipv4Addr, length: u32) -> Option<Entry> {
    let host_bits = u32::MAX.checked_shr(length).unwrap_or(0);
    let first = ip.to_bits() & !host_bits;
    (length <= 32).then_some(Entry::V4((first, first | host_bits)))
}

fn v6_prefix(ip: Ipv6Addr, length: u32) -> Option<Entry> {
    if let (Some(mapped), Some(length)) = (ip.to_ipv4_mapped(), length.checked_sub(96)) {
        return v4_prefix(mapped, length);
    }
    let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
    let first = ip.to_bits() & !host_bits;
    Some(Entry::V6((first, first | host_bits)))
}

/// Sort, and join what overlaps or touches, in place.
fn merge<T: Ord + Copy>(ranges: &mut Vec<Range<T>>, next: impl Fn(T) -> Option<T>) {
    ranges.sort_unstable();
    ranges.dedup_by(|later, kept| {
        let joined = next(kept.1).is_none_or(|next| later.0 <= next);
        if joined {
            kept.1 = kept.1.max(later.1);
        }
        joined
    });
    ranges.shrink_to_fit();
}

fn has<T: Ord + Copy>(ranges: &[Range<T>], number: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= number);
    after > 0 && number <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(set: &Prefixes, ip: &str) -> bool {
        match ip.parse().unwrap() {
            IpAddr::V4(ip) => set.contains_v4(ip.into()),
            IpAddr::V6(ip) => set.contains_v6(ip.into()),
        }
    }

    fn counts(text: &[u8]) -> (usize, usize) {
        let set = Prefixes::parse(&[text]);
        (set.count(), set.broken_lines())
    }

    #[test]
    fn the_edges_of_a_prefix_are_in_it_and_their_neighbours_are_not() {
        let set = Prefixes::parse(&[b"192.0.2.77/24\n2001:db8::5/32\n198.51.100.1\n203.0.113.4 - 203.0.113.6"]);

        for ip in ["192.0.2.0", "192.0.2.255", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "203.0.113.6"] {
            assert!(contains(&set, ip), "{ip}");
        }
        for ip in ["192.0.1.255", "192.0.3.0", "2001:db7::", "2001:db9::", "198.51.100.0", "203.0.113.7"] {
            assert!(!contains(&set, ip), "{ip}");
        }
    }

    #[test]
    fn everything_is_a_prefix_too() {
        let set = Prefixes::parse(&[b"0.0.0.0/0\n::/0"]);

        assert!(["0.0.0.0", "255.255.255.255", "::", "ffff::"].iter().all(|ip| contains(&set, ip)));
    }

    #[test]
    fn mapped_clients_and_mapped_prefixes_are_ipv4() {
        let set = Prefixes::parse(&[b"::ffff:192.0.2.0/120\n203.0.113.0/24\n::ffff:198.51.100.1-::ffff:198.51.100.2"]);

        for ip in ["192.0.2.9", "::ffff:192.0.2.9", "::ffff:203.0.113.9", "198.51.100.2"] {
            assert!(contains(&set, ip), "{ip}");
        }
        assert!(!contains(&Prefixes::parse(&[b"::/0"]), "::ffff:192.0.2.9"), "shorter than /96, so IPv6");
    }

    #[test]
    fn comments_blanks_and_carriage_returns_are_nothing() {
        assert_eq!(counts(b"\xef\xbb\xbf# a list\r\n\r\n  ; more\n 192.0.2.1 # one\r\n\t2001:db8::/32;two"), (2, 0));
    }

    #[test]
    fn broken_lines_are_counted_and_skipped() {
        let broken = "192.0.2.256\n192.0.2.01\n192.0.2\n192.0.2.0/33\n192.0.2.0/08\n192.0.2.0/+8\n192.0.2.0/\n\
                      ::/129\nfe80::1%eth0\n<html>\nlocalhost\n192.0.2.2-192.0.2.1\n192.0.2.1-::1\n1.2.3.4 5.6.7.8";
        assert_eq!(counts(format!("{broken}\n192.0.2.7").as_bytes()), (1, 14));
        assert_eq!(counts(b"\xff\xfe1\0.\0\n\0"), (0, 2));
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        let set =
            Prefixes::parse(&[b"10.0.1.0/24\n10.0.0.0/24\n10.0.0.128/25\n255.255.255.255\n255.0.0.0/8\n10.0.3.0/24"]);

        assert_eq!((set.count(), set.v4.len()), (6, 3));
    }

    #[test]
    fn a_union_has_what_either_has() {
        let (one, other) = (Prefixes::parse(&[b"192.0.2.0/25\nx"]), Prefixes::parse(&[b"192.0.2.128/25\n::1"]));
        let union = Prefixes::union(&[&one, &other]);

        assert_eq!((union.count(), union.broken_lines(), union.v4.len()), (3, 1, 1));
        assert!(["192.0.2.1", "192.0.2.200", "::1"].iter().all(|ip| contains(&union, ip)));
    }
}
