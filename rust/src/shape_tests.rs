//! What clients get of a shape, over scripted peers.

use std::sync::Arc;
use std::time::Duration;

use crate::cipher::{crypt, CipherSpec};
use crate::job::{Ciphers, Timeouts};
use crate::learnt::{Page, TimedRecord};
use crate::record::HEADER_BYTES;
use crate::scripted::{Ending, World};
use crate::shaper::Shape;

const TIMEOUTS: Timeouts =
    Timeouts { idle: Duration::from_secs(600), half_closed: None, delivery: Duration::from_secs(30) };
const ROOM: usize = 1 << 30;

/// What becomes of a DC's bytes.
type Change = fn(&[u8]) -> Vec<u8>;

fn spec(n: u8) -> CipherSpec {
    CipherSpec { key: [n; 32], iv: [n; 16], offset_bytes: 0 }
}

/// A connection to a DC, with fast mode and without, and how it changes the DC's bytes.
fn worlds(shape: impl Fn() -> Shape) -> [(World, Change); 2] {
    let recrypted: Change = |data| crypt([4; 32], [4; 16], &crypt([3; 32], [3; 16], data));
    [(None, <[u8]>::to_vec as Change), (Some((spec(3), spec(4))), recrypted)].map(|(to_client, change)| {
        let ciphers = Ciphers { from_client: (spec(1), spec(2)), to_client };
        let world = World::new(Some(ciphers), TIMEOUTS, Some(Arc::new(shape())));
        world.client.room_bytes.set(ROOM);
        (world, change)
    })
}

fn drs() -> Shape {
    Shape::new(true, Vec::new())
}

/// A page with an opening, and the same pause before each record.
fn learnt(opening: &[usize], response: &[usize], pause: Duration) -> Shape {
    let records = opening.iter().chain(response).map(|size| TimedRecord { size: *size, pause });
    Shape::new(true, vec![Page::new(records.collect(), opening.len()).expect("it is valid")])
}

fn noise(count: usize) -> Vec<u8> {
    crypt([9; 32], [0; 16], &vec![0; count])
}

/// What the client has got since the last call: payload, and the sizes of its records.
fn take(world: &World) -> (Vec<u8>, Vec<usize>) {
    let wire = world.client.got.take();
    let (mut payload, mut sizes, mut rest) = (Vec::new(), Vec::new(), wire.as_slice());
    while !rest.is_empty() {
        assert_eq!(rest[..3], [0x17, 3, 3]);
        let size = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        payload.extend_from_slice(&rest[HEADER_BYTES..HEADER_BYTES + size]);
        sizes.push(size);
        rest = &rest[HEADER_BYTES + size..];
    }
    (payload, sizes)
}

#[test]
fn dynamic_records_grow_and_no_byte_is_changed() {
    for (mut world, change) in worlds(drs) {
        let sent = noise(1_000_000);
        world.upstream.sent.borrow_mut().extend(&sent);
        world.settle();
        let (payload, sizes) = take(&world);
        assert!(payload == change(&sent));
        let (last, others) = sizes.split_last().expect("there are some");
        let full = (sent.len() - 40 * 1386 - 40 * 4246) / 16_401;
        assert_eq!(others, [vec![1386; 40], vec![4246; 40], vec![16_401; full]].concat());
        assert!(*last < 16_401);
    }
}

#[test]
fn dynamic_records_start_again_after_a_second_without_a_byte_sent() {
    for (mut world, _) in worlds(drs) {
        for (pause_ms, first) in [(0, 1386), (999, 16_401), (1000, 1386), (1000, 1386)] {
            world.pass(Duration::from_millis(pause_ms));
            world.upstream.sent.borrow_mut().extend(noise(300_000));
            world.settle();
            assert_eq!(take(&world).1[0], first, "after {pause_ms} ms");
        }
        // A client that takes a little now and then is sent something all the time.
        world.client.room_bytes.set(0);
        world.upstream.sent.borrow_mut().extend(noise(300_000));
        for _ in 0..20 {
            world.settle();
            world.pass(Duration::from_millis(600));
            world.client.room_bytes.set(14_000);
        }
        world.client.room_bytes.set(ROOM);
        world.settle();
        assert!(!take(&world).1[1..].contains(&1386));
    }
}

#[test]
fn what_was_learnt_is_replayed_but_where_bytes_run_out() {
    let (opening, response) = ([250, 250], [1, 17, 600, 16_401, 16_401, 5_000]);
    for (mut world, change) in worlds(|| learnt(&opening, &response, Duration::ZERO)) {
        let sent = noise(3_000_000);
        world.upstream.sent.borrow_mut().extend(&sent);
        world.settle();
        let (payload, sizes) = take(&world);
        assert!(payload == change(&sent));
        let whole: Vec<usize> = opening.into_iter().chain(response.into_iter().cycle()).take(sizes.len()).collect();
        assert_eq!(sizes[..sizes.len() - 1], whole[..sizes.len() - 1]);
    }
}

#[test]
fn a_record_in_a_stream_waits_for_its_bytes_and_the_last_one_goes_without() {
    for (mut world, _) in worlds(|| learnt(&[250], &[16_401], Duration::ZERO)) {
        for (sent_bytes, records) in [(250, vec![250]), (16_401, vec![16_401]), (9_000, vec![9_000])] {
            world.upstream.sent.borrow_mut().extend(noise(sent_bytes));
            let start = world.now;
            world.settle();
            assert_eq!(take(&world).1, records);
            let waited = world.now - start;
            let longest = Duration::from_nanos(6_560_400);
            assert!(if sent_bytes == 9_000 { waited == longest } else { waited.is_zero() }, "{waited:?}");
        }
    }
}

#[test]
fn pauses_keep_20_mbit_and_no_byte_is_lost_at_an_end() {
    for ending in [Ending::Open, Ending::Fin, Ending::Rst] {
        for (mut world, change) in worlds(|| learnt(&[16_401], &[16_401], Duration::from_secs(5))) {
            let (start, sent) = (world.now, noise(2_500_000));
            world.upstream.sent.borrow_mut().extend(&sent);
            world.upstream.ending.set(ending);
            world.settle();
            let took = world.now - start;
            assert!((Duration::from_millis(990)..Duration::from_millis(1001)).contains(&took), "{took:?}");
            assert!(take(&world).0 == change(&sent));
            assert_eq!(world.client.got_fin.get(), ending == Ending::Fin);
        }
    }
}
