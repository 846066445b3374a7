//! A redis-server for one test, on a free port and a unix socket. Its directory is removed with the test.
//! It blocks on purpose and uses no client: it only asks whether the server answers PING.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(missing_docs, reason = "test code")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hawser::resp::{push_argument, push_header};

/// The deadline of everything that a test waits for. It is generous because the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A running server. Killed, and its directory removed, on drop.
pub struct RedisServer {
    child: Child,
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl RedisServer {
    /// A server without persistence.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with additional arguments, such as `["--appendonly", "yes"]`.
    pub fn start_with(arguments: &[&str]) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("hawser-rust-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for the server");
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        // Another process may have taken the port meanwhile: then the server ends, and another port is tried.
        for _ in 0..10 {
            let port = free_port();
            let mut child = spawn(port, &directory, &arguments);
            if wait_until_it_answers(&mut child, &directory) {
                return Self { child, port, directory, arguments };
            }
        }
        panic!("redis-server does not start; its log is {}", directory.join("log").display());
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// After `kill`: starts the server again on the same port and in the same directory. Returns when it answers.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            self.child = spawn(self.port, &self.directory, &self.arguments);
            if wait_until_it_answers(&mut self.child, &self.directory) {
                return;
            }
        }
        panic!("redis-server does not come back on port {}", self.port);
    }

    /// Suspends the process until `thaw`. Its sockets stay open.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Resumes the process.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(status.success(), "kill {signal}");
    }

    /// Sends one command on a new connection and returns the raw reply line.
    pub fn command(&self, parts: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address()).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a read timeout");
        let mut bytes = Vec::new();
        push_header(&mut bytes, parts.len());
        for part in parts {
            push_argument(&mut bytes, part.as_bytes());
        }
        stream.write_all(&bytes).expect("write");
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).expect("read");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn spawn(port: u16, directory: &Path, arguments: &[String]) -> Child {
    let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let path = |name: &str| directory.join(name).display().to_string();
    Command::new(&program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--unixsocket", &path("socket"), "--dir", &path(""), "--logfile", &path("log")])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} is needed on PATH (or name one in REDIS_SERVER): {e}"))
}

/// False if the process has ended.
fn wait_until_it_answers(child: &mut Child, directory: &Path) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if child.try_wait().expect("the server's state").is_some() {
            return false;
        }
        if answers(&directory.join("socket")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Whether it answers commands on its unix socket. A port may belong to another process.
fn answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut reply = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut reply).is_ok()
        && matches!(&reply, b"+PONG" | b"-NOAU")
}

/// Polls every few milliseconds until `holds`.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
