//! How connections end, over scripted peers: each rule alone, and then random events in random order.

use std::sync::Arc;
use std::time::Duration;

use crate::chance::Chance;
use crate::cipher::{crypt, CipherSpec};
use crate::job::{Ciphers, Reason, Timeouts};
use crate::record::{BadRecord, Decoder};
use crate::scripted::{Ending, World};
use crate::shaper::Shape;
use crate::side::Side;

const TIMEOUTS: Timeouts = Timeouts {
    idle: Duration::from_secs(600),
    half_closed: Some(Duration::from_secs(60)),
    delivery: Duration::from_secs(30),
};
const ROOM: usize = 1 << 30;
const ALERT_BYTES: usize = 19;

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
        assert_eq!(world.client.got.borrow().len(), 5 + ALERT_BYTES);
        assert_eq!(world.client.got_rst.get(), resets, "{behind_bytes} behind it");
    }
    let [first, second] = [(); 2].map(|()| refused(1, ROOM, b"").client.got.borrow().clone());
    assert_ne!(first, second);
}

#[test]
fn in_the_middle_of_a_record_there_is_no_alert() {
    let world = refused(1, 7, b"an answer");
    assert_eq!(*world.client.got.borrow(), b"\x17\x03\x03\x00\x09an");
}

fn spec(n: u8) -> CipherSpec {
    CipherSpec { key: [n; 32], iv: [n; 16], offset_bytes: 0 }
}

/// The bytes that each side has sent so far.
struct Script {
    chance: Chance,
    fast: Option<bool>,
    shape: Option<Arc<Shape>>,
    said: [Vec<u8>; 2],
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let fast = [None, Some(true), Some(false)][chance.below(3)];
        let pauses = [0, 1, 1000].map(Duration::from_millis).to_vec();
        let shape = match chance.below(4) {
            0 => Shape::new(true, Vec::new(), Vec::new()),
            1 => Shape::new(false, vec![1, 600, 5_000, 16_384], Vec::new()),
            2 => Shape::new(true, Vec::new(), pauses),
            _ => None,
        };
        Self { chance, fast, shape: shape.map(Arc::new), said: Default::default() }
    }

    fn ciphers(&self) -> Option<Ciphers> {
        let to_client = self.fast.map(|fast| (!fast).then(|| (spec(3), spec(4))));
        to_client.map(|to_client| Ciphers { from_client: (spec(1), spec(2)), to_client })
    }

    /// Makes one random thing happen.
    fn step(&mut self, world: &mut World) {
        let side = Side::BOTH[self.chance.below(2)];
        let index = usize::from(side == Side::Upstream);
        match self.chance.below(20) {
            0..8 if world.peer(side).ending.get() == Ending::Open => {
                let bytes = self.bytes(side);
                world.peer(side).sent.borrow_mut().extend(&bytes);
                self.said[index].extend(bytes);
            }
            8..14 => {
                let room_bytes = [1, 100, 40_000, 1_000_000][self.chance.below(4)];
                world.peer(side).room_bytes.set(room_bytes);
                world.peer(side).read_bytes.set([17, 100, 5_000, usize::MAX][self.chance.below(4)]);
            }
            14..17 => {
                let left = world.peer(side).unacknowledged_bytes.get();
                world.peer(side).unacknowledged_bytes.set(self.chance.below(left + 1));
            }
            17 => world.pass(Duration::from_millis([1, 100, 10_000, 100_000][self.chance.below(4)])),
            18 if world.peer(side).ending.get() == Ending::Open => world.peer(side).ending.set(Ending::Fin),
            19 if self.chance.below(3) == 0 => {
                let ending = &world.peer(side).ending;
                let is_open = matches!(ending.get(), Ending::Open | Ending::Rst);
                ending.set(if is_open { Ending::Rst } else { Ending::FinThenRst });
            }
            _ => (),
        }
        world.settle();
    }

    fn bytes(&mut self, side: Side) -> Vec<u8> {
        let count = [0, 1, 30, 3_000, 16_384, 60_000][self.chance.below(if side == Side::Client { 5 } else { 6 })];
        let seed = u8::try_from(self.chance.below(256)).expect("it is below 256");
        let payload = crypt([seed; 32], [0; 16], &vec![0; count]);
        if side == Side::Upstream || self.fast.is_none() {
            return payload;
        }
        let kind = if self.chance.below(16) == 0 { 0x15 } else { 0x17 };
        let length = u16::try_from(count).expect("it is short").to_be_bytes();
        [[kind, 3, 3].as_slice(), &length, &payload].concat()
    }

    /// All that a side has sent, as the other side would get it, in the clear; and what it breaks the stream with.
    fn wanted(&self, from: Side) -> (Vec<u8>, Result<(), BadRecord>) {
        if from == Side::Client && self.fast.is_some() {
            let (mut decoder, mut payload) = (Decoder::default(), Vec::new());
            let outcome = decoder.feed(&self.said[0], |piece| payload.extend_from_slice(piece));
            return (crypt([2; 32], [2; 16], &crypt([1; 32], [1; 16], &payload)), outcome);
        }
        let said = &self.said[usize::from(from == Side::Upstream)];
        if from == Side::Upstream && self.fast == Some(false) {
            return (crypt([4; 32], [4; 16], &crypt([3; 32], [3; 16], said)), Ok(()));
        }
        (said.clone(), Ok(()))
    }

    /// The bytes that a side got, without records.
    fn got(&self, world: &World, side: Side) -> Vec<u8> {
        let got = world.peer(side).got.borrow();
        if side == Side::Upstream || self.fast.is_none() {
            return got.clone();
        }
        let (mut decoder, mut payload) = (Decoder::default(), Vec::new());
        assert_eq!(decoder.feed(&got, |piece| payload.extend_from_slice(piece)), Ok(()));
        payload
    }
}

fn run(seed: u64) {
    let mut script = Script::new(seed);
    let mut world = World::new(script.ciphers(), TIMEOUTS, script.shape.clone());
    for _ in 0..script.chance.below(60) {
        script.step(&mut world);
    }
    check(&script, &world);
    world.pass(Duration::from_secs(3_000));
    let finished = world.finished.expect("after so much time it is over, whatever happened");
    check(&script, &world);
    assert_eq!((world.registry.held.totals().0, world.registry.len()), (0, 0));
    let got_bytes = script.got(&world, Side::Upstream).len() as u64;
    assert_eq!(finished.from_client_bytes, got_bytes);
    let resets = matches!(finished.reason, Reason::ClientReset | Reason::UpstreamReset);
    assert!(!resets || world.client.got_rst.get() && world.upstream.got_rst.get());
}

/// Checks what must be true at any time: a prefix was delivered, and a FIN only after all bytes.
fn check(script: &Script, world: &World) {
    for side in Side::BOTH {
        let ((wanted, outcome), got) = (script.wanted(side.other()), script.got(world, side));
        if side == Side::Client && world.finished.is_some_and(|finished| finished.reason == Reason::BadRecord) {
            let before_the_alert = got.len().saturating_sub(ALERT_BYTES);
            assert!((before_the_alert..=got.len()).any(|end| wanted.starts_with(&got[..end])), "more than an alert");
            continue;
        }
        assert!(wanted.starts_with(&got), "{side:?} got something else");
        let source = world.peer(side.other());
        let unread = !source.sent.borrow().is_empty() && outcome.is_ok();
        if world.peer(side).got_fin.get() {
            assert!(got == wanted && !unread, "{side:?} got a FIN too early");
            let has_ended = matches!(source.ending.get(), Ending::Fin | Ending::FinThenRst);
            assert!(has_ended);
        }
        if world.finished.is_some() && !world.peer(side).got_rst.get() {
            assert!(got.len() + source.sent.borrow().len() >= wanted.len(), "something was lost in silence");
        }
    }
}

#[test]
fn whatever_happens_is_a_prefix_and_an_end_that_tells_the_truth() {
    let seeds = std::env::var("MTG_FUZZ_EXAMPLES").map_or(3_000, |count| count.parse().expect("a number"));
    for seed in 0..seeds {
        if std::panic::catch_unwind(|| run(seed)).is_err() {
            panic!("seed {seed}");
        }
    }
}
