//! Urgent bytes of scripted peers: where they arrive, and where the stream doesn't have them.

use crate::job::Ciphers;
use crate::scripted::{spec, Ending, World, TIMEOUTS};
use crate::side::Side;

const ROOM: usize = 1 << 30;

/// What a visitor or its site sends.
enum Part {
    Stream(&'static [u8]),
    Urgent(u8),
}

use Part::{Stream, Urgent};

const SCRIPTS: [&[Part]; 7] = [
    &[Urgent(b'!')],
    &[Urgent(b'!'), Stream(b"behind")],
    &[Stream(b"before"), Urgent(b'!')],
    &[Stream(b"before"), Urgent(b'!'), Stream(b"behind")],
    &[Stream(b"before"), Urgent(b'1'), Urgent(b'2')],
    &[Urgent(b'1'), Urgent(b'2'), Stream(b"behind")],
    &[Stream(b"a"), Urgent(b'1'), Stream(b"bc"), Urgent(b'2'), Stream(b"d")],
];

fn bytes(script: &[Part]) -> (Vec<u8>, Vec<usize>) {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for part in script {
        match part {
            Stream(bytes) => all.extend_from_slice(bytes),
            Urgent(byte) => {
                places.push(all.len());
                all.push(*byte);
            }
        }
    }
    (all, places)
}

fn say(world: &World, source: Side, part: &Part) {
    match part {
        Stream(bytes) => world.peer(source).sent.borrow_mut().extend(*bytes),
        Urgent(byte) => world.peer(source).say_urgent(*byte),
    }
}

#[test]
fn urgent_bytes_arrive_as_such_at_their_places() {
    for (source, script) in Side::BOTH.into_iter().flat_map(|side| SCRIPTS.map(|script| (side, script))) {
        let mut world = World::new(None, TIMEOUTS, None);
        let (all, places) = bytes(script);
        world.peer(source.other()).room_bytes.set(ROOM);
        for part in script {
            say(&world, source, part);
            world.settle();
        }
        assert_eq!(*world.peer(source.other()).got.borrow(), all);
        assert_eq!(*world.peer(source.other()).got_urgent_at.borrow(), places);
    }
}

#[test]
fn whatever_the_sizes_of_reads_and_rooms_the_last_urgent_byte_keeps_its_place() {
    for (source, script) in Side::BOTH.into_iter().flat_map(|side| SCRIPTS.map(|script| (side, script))) {
        for (read_bytes, room_bytes) in [(1, ROOM), (2, 1), (ROOM, 1), (ROOM, 5), (ROOM, ROOM)] {
            let mut world = World::new(None, TIMEOUTS, None);
            // The kernel drops an urgent byte at the start when the next one comes. One behind others becomes an
            // ordinary byte of the stream.
            let (all, places) = bytes(if matches!(script[..2.min(script.len())], [Urgent(_), Urgent(_)]) {
                &script[1..]
            } else {
                script
            });
            world.peer(source).read_bytes.set(read_bytes);
            for part in script {
                say(&world, source, part);
            }
            world.peer(source).ending.set(Ending::Fin);
            for _ in 0..=all.len() {
                world.peer(source.other()).room_bytes.set(room_bytes);
                world.settle();
            }
            assert_eq!(*world.peer(source.other()).got.borrow(), all);
            assert_eq!(world.peer(source.other()).got_urgent_at.borrow().last(), places.last());
            assert_eq!(world.peer(source.other()).got_urgent_at.borrow().len(), 1);
            assert!(world.peer(source.other()).got_fin.get());
        }
    }
}

#[test]
fn a_clients_stream_doesnt_have_its_urgent_bytes() {
    let mut world = World::new(Some(Ciphers { from_client: (spec(1), spec(1)), to_client: None }), TIMEOUTS, None);
    world.upstream.room_bytes.set(ROOM);
    for part in [Stream(b"\x17\x03\x03\x00\x05he"), Urgent(b'!'), Stream(b"llo")] {
        say(&world, Side::Client, &part);
        world.settle();
    }
    assert_eq!(*world.upstream.got.borrow(), b"hello");
    assert!(world.upstream.got_urgent_at.borrow().is_empty());
}
