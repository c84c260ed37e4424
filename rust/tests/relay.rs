//! The engine with real sockets and without Python: what goes in at one end comes out at the other.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mtg_engine::{crypt, CipherSpec, Ciphers, Decoder, Engine, Finished, Job, Reason, Timeouts};

const PAYLOAD_BYTES: usize = 3_000_000;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let near = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (far, _) = listener.accept().expect("somebody connected");
    far.set_nonblocking(true).expect("it is a socket");
    (near, far)
}

fn job(client: TcpStream, upstream: TcpStream, ciphers: Option<Ciphers>, idle_timeout: Duration) -> Job {
    let preamble = b"preamble".to_vec();
    let timeouts = Timeouts { idle: idle_timeout, half_closed: None, delivery: Duration::from_secs(30) };
    Job {
        client: client.into(),
        upstream: upstream.into(),
        client_unread: Vec::new(),
        preamble,
        ciphers,
        timeouts,
        shape: None,
        unsent_limit_bytes: None,
    }
}

fn noise(count: usize, mut seed: u64) -> Vec<u8> {
    let step = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    (0..count).map(step).collect()
}

fn send_all_and_read_all(mut socket: TcpStream, data: Vec<u8>) -> Vec<u8> {
    let mut sender = socket.try_clone().expect("descriptors are left");
    let sending = thread::spawn(move || {
        sender.write_all(&data).expect("the other end reads");
        sender.shutdown(Shutdown::Write).expect("it is connected");
    });
    let mut received = Vec::new();
    socket.read_to_end(&mut received).expect("it ends in order");
    sending.join().expect("sending doesn't panic");
    received
}

fn wait_for_the_end(engine: &Engine) -> Finished {
    loop {
        if let Some(finished) = engine.completed().pop() {
            return finished;
        }
        thread::yield_now();
    }
}

#[test]
fn raw_bytes_go_both_ways_and_are_counted_without_the_preamble() {
    let engine = Engine::new(2).expect("threads are left");
    let ((client, client_far), (upstream, upstream_far)) = (pair(), pair());
    engine.submit(job(client_far, upstream_far, None, Duration::from_secs(60)));
    let (up, down) = (noise(PAYLOAD_BYTES, 1), noise(PAYLOAD_BYTES, 2));

    let sent = down.clone();
    let at_upstream = thread::spawn(move || send_all_and_read_all(upstream, sent));
    assert!(send_all_and_read_all(client, up.clone()) == down);
    assert!(at_upstream.join().expect("no panic") == [b"preamble", up.as_slice()].concat());

    let finished = wait_for_the_end(&engine);
    assert_eq!((finished.from_client_bytes, finished.to_client_bytes), (up.len() as u64, down.len() as u64));
    assert_eq!((engine.connections(), engine.held_bytes().0), (0, 0));
}

#[test]
fn downloads_are_recrypted_into_records() {
    let engine = Engine::new(1).expect("threads are left");
    let spec = |n: u8| CipherSpec { key: [n; 32], iv: [n; 16], offset_bytes: 0 };
    let ciphers = Ciphers { from_client: (spec(1), spec(2)), to_client: Some((spec(3), spec(4))) };
    let ((client, client_far), (upstream, upstream_far)) = (pair(), pair());
    engine.submit(job(client_far, upstream_far, Some(ciphers), Duration::from_secs(60)));
    let clear = noise(PAYLOAD_BYTES, 3);

    let sent = crypt([3; 32], [3; 16], &clear);
    let at_upstream = thread::spawn(move || send_all_and_read_all(upstream, sent));
    let wire = send_all_and_read_all(client, b"\x17\x03\x03\x00\x02hi".to_vec());
    let hi = crypt([2; 32], [2; 16], &crypt([1; 32], [1; 16], b"hi"));
    assert_eq!(at_upstream.join().expect("no panic"), [b"preamble", hi.as_slice()].concat());

    let (mut decoder, mut payload) = (Decoder::default(), Vec::new());
    assert_eq!(decoder.feed(&wire, |piece| payload.extend_from_slice(piece)), Ok(()));
    assert!(crypt([4; 32], [4; 16], &payload) == clear);
}

#[test]
fn idle_and_aborted_connections_end() {
    let engine = Engine::new(1).expect("threads are left");
    for (idle_timeout, reason) in
        [(Duration::from_millis(20), Reason::Idle), (Duration::from_secs(600), Reason::Shutdown)]
    {
        let ((mut client, client_far), (_upstream, upstream_far)) = (pair(), pair());
        let number = engine.submit(job(client_far, upstream_far, None, idle_timeout));
        if reason == Reason::Shutdown {
            engine.abort(number);
        }
        assert_eq!(wait_for_the_end(&engine).reason, reason);
        assert_eq!(client.read(&mut [0]).expect("nothing was lost, so it isn't reset"), 0);
    }
}

#[test]
fn a_record_stream_is_the_same_at_any_segmentation() {
    let mut bytes = noise(20_000, 4).into_iter();
    for _ in 0..200 {
        let mut next = || bytes.next().expect("there is enough noise");
        let wire: Vec<u8> =
            (0..5).flat_map(|_| [b"\x17\x03\x03\x00\x02".as_slice(), &[next(), next()]].concat()).collect();
        let broken = [wire.as_slice(), &[next(), next(), next(), next(), next()]].concat();
        let mut whole = (Decoder::default(), Vec::new());
        let outcome = whole.0.feed(&broken, |piece| whole.1.extend_from_slice(piece));
        let mut pieces = (Decoder::default(), Vec::new());
        let mut chunks = broken.chunks(1 + usize::from(next() % 7));
        let in_pieces = chunks.try_for_each(|piece| pieces.0.feed(piece, |data| pieces.1.extend_from_slice(data)));
        assert_eq!((in_pieces.is_err(), pieces.1), (outcome.is_err(), whole.1));
    }
}
