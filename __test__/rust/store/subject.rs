//! The stores under test: one in memory, and one on a real server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use hawser::clock::Instant;
use hawser::resp::{Commands, Limits, Reply, Scanner};
use hawser::store::{Key, MemoryStore, NodeOp, Op, RedisStore, StoreError, StoreReply, Ticket};

use crate::support::{self, RedisServer};

/// A store under test.
pub trait Subject {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError>;
    /// For a node that accepts every replication id.
    fn apply(&mut self, op: Op) -> Result<StoreReply, StoreError> {
        self.carry_out(op.into())
    }
    /// Writes any bytes to a key.
    fn plant(&mut self, key: &Key, value: &[u8], life: Duration);
    /// Waits at least this long.
    fn pass(&mut self, time: Duration);
}

pub struct Memory {
    pub store: MemoryStore,
    pub now: Instant,
}

impl Subject for Memory {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError> {
        self.store.apply(self.now, &op)
    }

    fn plant(&mut self, key: &Key, value: &[u8], life: Duration) {
        self.store.plant(self.now, key, value.to_vec(), life);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }
}

/// A store on a server, over a blocking socket.
pub struct Server {
    pub redis: RedisStore,
    pub stream: TcpStream,
    pub scanner: Scanner,
    pub read: Vec<u8>,
    pub process: RedisServer,
}

impl Server {
    pub fn start() -> Self {
        let process = RedisServer::start();
        let stream = TcpStream::connect(process.address()).unwrap();
        stream.set_read_timeout(Some(support::DEADLINE)).unwrap();
        Self { redis: RedisStore::new(), stream, scanner: Scanner::new(Limits::default()), read: Vec::new(), process }
    }

    pub fn reply(&mut self) -> Reply {
        loop {
            if let Some(end) = self.scanner.scan(&self.read).unwrap() {
                let reply = Reply::parse(&self.read);
                self.read.drain(..end);
                return reply;
            }
            let mut buffer = [0; 4096];
            let n = self.stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the server has closed the connection");
            self.read.extend_from_slice(&buffer[..n]);
        }
    }

    pub fn write(&mut self, commands: &Commands) {
        for command in commands.iter() {
            self.stream.write_all(command).unwrap();
        }
    }

    pub fn raw<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Reply {
        let mut commands = Commands::new();
        commands.push(parts);
        self.write(&commands);
        self.reply()
    }
}

impl Subject for Server {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError> {
        let commands = self.redis.submit(Ticket(1), op);
        self.write(&commands);
        loop {
            let reply = self.reply();
            let replied = self.redis.on_reply(reply);
            if let Some(more) = replied.more {
                self.write(&more);
            }
            if let Some((_, answer)) = replied.done {
                return answer;
            }
        }
    }

    fn plant(&mut self, key: &Key, value: &[u8], life: Duration) {
        let life = life.as_millis().to_string();
        assert_eq!(self.raw(&[b"SET", &**key, value, b"PX", life.as_bytes()]), Reply::Simple(b"OK".to_vec()));
    }

    fn pass(&mut self, time: Duration) {
        // The time is the server's, which no test can set.
        std::thread::sleep(time + Duration::from_millis(1));
    }
}

pub fn on_both(spec: impl Fn(&mut dyn Subject)) {
    spec(&mut Memory { store: MemoryStore::default(), now: Instant::from_millis(1_700_000_000_000) });
    spec(&mut Server::start());
}
