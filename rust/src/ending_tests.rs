//! How connections end, over scripted peers: each rule alone. `random_tests` has all of them at once.

use std::time::Duration;

use crate::job::{Ciphers, Reason};
use crate::record::ENCRYPTED_ALERT_BYTES;
use crate::scripted::{spec, Ending, World, TIMEOUTS};
use crate::side::Side;

const ROOM: usize = 1 << 30;

fn world() -> World {
    let world = World::new(None, TIMEOUTS, None);
    for side in Side::BOTH {
        world.peer(side).room_bytes.set(ROOM);
    }
    world
}

fn say(world: &World, side: Side, bytes: &[u8], ending: Ending) {
    world.peer(side).sent.borrow_mut().extend(bytes);
    world.peer(side).ending.set(ending);
}

fn acknowledge(world: &World) {
    for side in Side::BOTH {
        world.peer(side).unacknowledged_bytes.set(0);
    }
}

#[test]
fn a_visitors_bytes_reach_the_site_without_rests() {
    let mut world = world();
    let now = world.now;
    say(&world, Side::Client, &[7; 1_000_000], Ending::Open);
    world.settle();
    assert_eq!(world.peer(Side::Upstream).got.borrow().len(), 1_000_000);
    assert_eq!(world.now, now, "a rest would have taken time");
}

#[test]
fn an_end_before_the_reset_is_carried_over_whoever_learns_of_it_first() {
    for lost in Side::BOTH {
        for learns_from_a_write in [false, true] {
            let mut world = world();
            say(&world, lost, b"last words", Ending::FinThenRst);
            if learns_from_a_write {
                say(&world, lost.other(), b"x", Ending::Open);
            }
            world.settle();
            assert_eq!(*world.peer(lost.other()).got.borrow(), b"last words");
            assert!(world.peer(lost.other()).got_fin.get());
            acknowledge(&world);
            world.pass(Duration::from_millis(20));
            assert_eq!(world.finished.map(|finished| finished.reason), Some(Reason::reset_by(lost)));
            assert!(world.peer(lost.other()).got_rst.get());
        }
    }
}

#[test]
fn bytes_come_before_the_reset_whoever_learns_of_it_first() {
    for lost in Side::BOTH {
        for learns_from_a_write in [false, true] {
            let mut world = world();
            say(&world, lost, b"last words", Ending::Rst);
            if learns_from_a_write {
                say(&world, lost.other(), b"x", Ending::Open);
            }
            world.peer(lost.other()).unsent_bytes.set(5);
            world.settle();
            assert!(world.finished.is_none(), "a reset would throw away what isn't sent");
            assert_eq!(*world.peer(lost.other()).got.borrow(), b"last words");
            assert!(!world.peer(lost.other()).got_fin.get());
            world.peer(lost.other()).unsent_bytes.set(0);
            world.pass(Duration::from_millis(20));
            assert_eq!(world.finished.map(|finished| finished.reason), Some(Reason::reset_by(lost)));
            assert!(world.peer(lost.other()).got_rst.get());
        }
    }
}

#[test]
fn a_blocked_side_that_is_lost_ends_it() {
    for lost in Side::BOTH {
        let mut world = world();
        world.peer(lost).room_bytes.set(10);
        say(&world, lost.other(), &[7; 1000], Ending::Open);
        world.settle();
        say(&world, lost, b"", Ending::Rst);
        world.settle();
        world.pass(Duration::ZERO);
        assert_eq!(world.finished.map(|finished| finished.reason), Some(Reason::reset_by(lost)));
    }
}

#[test]
fn what_the_living_side_sends_during_a_delivery_is_read_and_discarded() {
    for lost in Side::BOTH {
        let mut world = world();
        world.peer(lost.other()).room_bytes.set(10);
        say(&world, lost, &[7; 1000], Ending::Rst);
        world.settle();
        say(&world, lost.other(), &[1; 1000], Ending::Open);
        world.settle();
        let living = world.peer(lost.other());
        assert!(living.sent.borrow().is_empty(), "or it might never come to read its own");
        living.room_bytes.set(ROOM);
        world.settle();
        assert_eq!(*world.peer(lost.other()).got.borrow(), [7; 1000]);
    }
}

#[test]
fn who_took_nothing_for_so_long_before_a_reset_gets_no_more_time() {
    let mut world = world();
    world.client.room_bytes.set(0);
    say(&world, Side::Upstream, &[7; 1000], Ending::Open);
    world.settle();
    world.pass(TIMEOUTS.delivery);
    say(&world, Side::Upstream, b"", Ending::Rst);
    world.settle();
    world.pass(Duration::ZERO);
    assert_eq!(world.finished.map(|finished| finished.reason), Some(Reason::UpstreamReset));
    assert!(world.client.got_rst.get());
}

#[test]
fn deliveries_have_as_long_as_there_is_progress_and_no_longer_than_idleness() {
    let mut world = world();
    world.client.room_bytes.set(0);
    say(&world, Side::Upstream, &[7; 1000], Ending::Rst);
    world.settle();
    for _ in 0..28 {
        world.pass(Duration::from_secs(20));
        world.client.room_bytes.set(1);
        world.settle();
    }
    assert!(world.finished.is_none());
    assert_eq!(world.client.got.borrow().len(), 28);
    world.pass(Duration::from_secs(29));
    assert!(world.finished.is_none());
    world.pass(Duration::from_secs(2));
    assert_eq!(world.finished.map(|finished| finished.reason), Some(Reason::UpstreamReset));

    let mut world = self::world();
    world.client.room_bytes.set(0);
    say(&world, Side::Upstream, &[7; 1000], Ending::Rst);
    world.settle();
    for _ in 0..31 {
        world.pass(Duration::from_secs(20));
        world.client.room_bytes.set(1);
        world.settle();
    }
    assert!(world.finished.is_some(), "600 s in all");
}

#[test]
fn a_visitor_is_reset_as_soon_as_everything_is_sent() {
    let mut world = world();
    say(&world, Side::Upstream, b"last words", Ending::Rst);
    world.settle();
    assert_eq!(*world.client.got.borrow(), b"last words");
    assert!(world.client.unacknowledged_bytes.get() > 0);
    assert!(world.client.got_rst.get(), "as by the site's own kernel");
}

#[test]
fn a_reset_behind_a_fin_comes_when_the_visitor_has_everything_before() {
    let mut world = world();
    let begun_at = world.now;
    say(&world, Side::Upstream, b"last words", Ending::FinThenRst);
    world.acknowledged_at = Some(begun_at + Duration::from_millis(50));
    world.settle();
    assert!(world.client.got_fin.get() && world.client.got_rst.get(), "the FIN itself may be acknowledged later");
    assert!((50..54).contains(&(world.now - begun_at).as_millis()), "{:?}", world.now - begun_at);
}

#[test]
fn a_peers_kernel_makes_progress_too() {
    let mut world = world();
    say(&world, Side::Upstream, &[7; 1000], Ending::Rst);
    world.client.unsent_bytes.set(1000);
    world.settle();
    for left_bytes in (900..1000).rev() {
        world.client.unsent_bytes.set(left_bytes);
        world.pass(Duration::from_secs(5));
    }
    assert!(world.finished.is_none());
    world.pass(Duration::from_secs(31));
    assert!(world.finished.is_some());
}

#[test]
fn after_upstreams_end_what_upstream_takes_is_life() {
    let mut world = world();
    say(&world, Side::Upstream, b"bye", Ending::Fin);
    world.settle();
    acknowledge(&world);
    assert!(world.client.got_fin.get());
    for _ in 0..20 {
        world.pass(Duration::from_secs(50));
        say(&world, Side::Client, b"x", Ending::Open);
        world.settle();
    }
    assert!(world.finished.is_none());
    world.pass(Duration::from_secs(61));
    let finished = world.finished.expect("60 s are over");
    assert_eq!((finished.reason, finished.from_client_bytes, finished.upstream_ended), (Reason::Idle, 20, true));
    assert!(!world.client.got_rst.get());
}

#[test]
fn after_upstreams_end_bytes_that_the_client_takes_are_life_while_some_are_left() {
    let mut world = world();
    world.client.room_bytes.set(1);
    say(&world, Side::Upstream, &[7; 300_000], Ending::Fin);
    world.settle();
    for _ in 0..11 {
        world.pass(Duration::from_secs(50));
        world.client.room_bytes.set(1);
        world.settle();
    }
    assert!(world.finished.is_none());
    world.pass(Duration::from_secs(61));
    assert!(world.finished.is_some());
    assert!(world.client.got_rst.get());
}

/// Plays a Telegram client that sends a record, and then one that isn't data, with so many bytes behind its header.
fn refused(behind_bytes: usize, room_bytes: usize, answer: &[u8]) -> World {
    let ciphers = Ciphers { from_client: (spec(1), spec(1)), to_client: None };
    let mut world = World::new(Some(ciphers), TIMEOUTS, None);
    world.client.room_bytes.set(room_bytes);
    world.upstream.room_bytes.set(3);
    say(&world, Side::Upstream, answer, Ending::Open);
    world.settle();
    say(&world, Side::Client, b"\x17\x03\x03\x00\x05hello\x14\x03\x03\x00\x01", Ending::Open);
    say(&world, Side::Client, &vec![0x14; behind_bytes], Ending::Open);
    world.settle();
    assert!(world.finished.is_none(), "first upstream gets what came before");
    world.upstream.room_bytes.set(ROOM);
    world.settle();
    let finished = world.finished.expect("then there is nothing to wait for");
    assert_eq!((finished.reason, finished.from_client_bytes), (Reason::BadRecord, 5));
    assert_eq!(*world.upstream.got.borrow(), b"hello");
    assert!(!world.upstream.got_rst.get());
    world
}

#[test]
fn a_bad_record_gets_an_alert_and_a_reset_where_nginx_would_leave_bytes_unread() {
    for (behind_bytes, resets) in [(1, false), (16 * 1024, false), (16 * 1024 + 1, true)] {
        let world = refused(behind_bytes, ROOM, b"");
        assert!(world.client.got.borrow().starts_with(b"\x17\x03\x03\x00\x13"));
        assert_eq!(world.client.got.borrow().len(), 5 + ENCRYPTED_ALERT_BYTES);
        assert_eq!(world.client.got_rst.get(), resets, "{behind_bytes} behind it");
    }
}

#[test]
fn in_the_middle_of_a_record_there_is_no_alert() {
    let world = refused(1, 7, b"an answer");
    assert_eq!(*world.client.got.borrow(), b"\x17\x03\x03\x00\x09an");
}
