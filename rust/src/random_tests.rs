//! Connections to which random things happen in random order, over scripted peers.

use std::sync::Arc;
use std::time::Duration;

use crate::chance::Chance;
use crate::cipher::crypt;
use crate::job::{Ciphers, Reason};
use crate::learnt::{Page, TimedRecord};
use crate::record::{BadRecord, Decoder, ENCRYPTED_ALERT_BYTES};
use crate::scripted::{spec, Ending, World, TIMEOUTS};
use crate::shaper::Shape;
use crate::side::Side;

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
        let learnt = |pauses_ms: [u64; 4]| {
            let timed = |(size, ms)| TimedRecord { size, pause: Duration::from_millis(ms) };
            let records = [1, 600, 5_000, 16_401].into_iter().zip(pauses_ms).map(timed).collect();
            vec![Page::new(records, 1).expect("it is valid")]
        };
        let shape = match chance.below(4) {
            0 => Some(Shape::new(true, Vec::new())),
            1 => Some(Shape::new(false, learnt([0; 4]))),
            2 => Some(Shape::new(true, learnt([0, 1, 1000, 0]))),
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
            let before_the_alert = got.len().saturating_sub(ENCRYPTED_ALERT_BYTES);
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
