//! The thread with real sockets, whose other ends are the tests' own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Bell, Exchange, Failure, Order, Plug, Reactor, Status};

const PATIENCE: Duration = Duration::from_secs(20);

struct Rings(Mutex<Sender<()>>);

impl Bell for Rings {
    fn ring(&self) {
        let _ = self.0.lock().unwrap().send(());
    }
}

struct Line {
    exchange: Arc<Exchange>,
    rings: Receiver<()>,
    other: TcpStream,
    _reactor: Reactor,
}

impl Line {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let reactor = Reactor::start().unwrap();
        let (sender, rings) = channel();
        let exchange = reactor.serve(Plug::Tcp(socket), None, Box::new(Rings(Mutex::new(sender))));
        let line = Self { exchange, rings, other, _reactor: reactor };
        line.until(|status| status.is_open);
        line
    }

    fn until(&self, is_it: impl Fn(&Status) -> bool) -> Status {
        loop {
            let status = self.exchange.status();
            if is_it(&status) {
                return status;
            }
            self.rings.recv_timeout(PATIENCE).expect("the bell");
        }
    }

    /// The other end may have read what the thread has not counted yet.
    fn until_written(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.exchange.unwritten() > 0 {
            assert!(Instant::now() < deadline, "{} bytes are not written", self.exchange.unwritten());
            std::thread::yield_now();
        }
    }

    /// Takes `n` bytes, whatever number of portions they come in.
    fn take(&self, n: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < n {
            self.until(|status| status.has_input || status.is_over);
            let (bytes, fresh) = self.exchange.take();
            assert_eq!(bytes.len(), fresh);
            all.extend(bytes);
        }
        all
    }
}

#[test]
fn bytes_go_both_ways_in_order() {
    let mut line = Line::open();
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    for piece in sent.chunks(70_001) {
        line.exchange.write(piece);
    }
    let mut got = vec![0; sent.len()];
    line.other.read_exact(&mut got).unwrap();
    assert!(got == sent);
    line.until_written();
    let mut other = line.other.try_clone().unwrap();
    let writer = std::thread::spawn(move || other.write_all(&got));
    assert!(line.take(sent.len()) == sent);
    writer.join().unwrap().unwrap();
}

#[test]
fn the_start_of_a_reply_comes_back_with_the_rest_of_it() {
    let mut line = Line::open();
    line.other.write_all(b"+OK\r\n$10\r\n01234").unwrap();
    let bytes = line.take(15);
    line.exchange.put_back(bytes, 5, 7);
    assert!(!line.exchange.status().has_input);
    line.other.write_all(b"56789\r\n").unwrap();
    line.until(|status| status.has_input);
    line.exchange.look(PATIENCE);
    assert_eq!(line.exchange.take().0, b"$10\r\n0123456789\r\n");
}

#[test]
fn a_look_finds_what_has_arrived() {
    let mut line = Line::open();
    let mut kept = b"$1000000\r\n".to_vec();
    for _ in 0..200 {
        // The caller waits for a long reply, so it is not called for its first bytes.
        line.exchange.put_back(kept.clone(), 0, 1_000_002);
        kept.push(b'x');
        line.other.write_all(b"x").unwrap();
        let fresh = loop {
            line.exchange.look(PATIENCE);
            let (bytes, fresh) = line.exchange.take();
            assert_eq!(bytes.len(), kept.len() - 1 + fresh);
            if fresh > 0 {
                break fresh;
            }
            line.exchange.put_back(bytes, 0, 1_000_002);
        };
        assert_eq!(fresh, 1);
    }
}

#[test]
fn a_caller_that_does_not_take_stops_the_other_side() {
    let line = Line::open();
    let mut other = line.other.try_clone().unwrap();
    other.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while let Ok(n) = other.write(&chunk) {
        sent += n;
        assert!(sent < 1 << 30, "nothing stops the other side");
    }
    assert_eq!(line.take(sent).len(), sent);
    other.write_all(b"and it goes on").unwrap();
    assert_eq!(line.take(14), b"and it goes on");
}

#[test]
fn a_caller_that_uses_up_what_it_took_hears_of_what_arrived_meanwhile() {
    let mut line = Line::open();
    line.other.write_all(b"first").unwrap();
    let first = line.take(5);
    // It asks to be called for the rest of the first bytes, and the second ones share that call.
    line.exchange.call_again();
    line.other.write_all(b"second").unwrap();
    line.until(|status| {
        line.exchange.look(PATIENCE);
        status.has_input
    });
    assert!(line.exchange.status().has_input);
    while line.rings.try_recv().is_ok() {}
    line.exchange.put_back(first, 5, 0);
    line.rings.recv_timeout(PATIENCE).expect("a call for the second bytes");
    assert_eq!(line.take(6), b"second");
}

#[test]
fn a_reply_of_unknown_length_is_read_to_its_end() {
    let line = Line::open();
    let mut other = line.other.try_clone().unwrap();
    let writer = std::thread::spawn(move || other.write_all(&vec![b'x'; 10_000_000]));
    let mut seen = 0;
    while seen < 10_000_000 {
        line.until(|status| status.has_input);
        let (bytes, fresh) = line.exchange.take();
        seen += fresh;
        assert_eq!(bytes.len(), seen);
        line.exchange.put_back(bytes, 0, 0);
    }
    writer.join().unwrap().unwrap();
}

#[test]
fn an_end_writes_what_waits_and_reads_on() {
    let mut line = Line::open();
    let sent = vec![b'x'; 5_000_000];
    line.exchange.write(&sent);
    line.exchange.order(Order::End);
    let mut got = Vec::new();
    line.other.read_to_end(&mut got).unwrap();
    assert_eq!(got.len(), sent.len());
    line.other.write_all(b"+OK\r\n").unwrap();
    assert_eq!(line.take(5), b"+OK\r\n");
    line.other.shutdown(Shutdown::Both).unwrap();
    assert_eq!(line.until(|status| status.is_over).failure, None);
}

#[test]
fn a_drop_closes_the_socket() {
    let mut line = Line::open();
    line.exchange.write(b"last words");
    line.exchange.order(Order::Drop);
    let mut got = Vec::new();
    line.other.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"last words");
    line.until(|status| status.is_over);
}

#[test]
fn what_arrived_before_the_end_is_there() {
    let mut line = Line::open();
    line.other.write_all(b"+OK\r\n").unwrap();
    line.other.shutdown(Shutdown::Both).unwrap();
    let status = line.until(|status| status.is_over);
    assert!(status.has_input);
    assert_eq!(line.exchange.take().0, b"+OK\r\n");
}

#[test]
fn the_end_of_the_thread_ends_its_connections() {
    let Line { exchange, mut other, _reactor: reactor, .. } = Line::open();
    drop(reactor);
    assert_eq!(exchange.status().failure, Some(Failure::defect()));
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    exchange.write(b"into the void");
    assert_eq!(exchange.take().0, b"");
}
