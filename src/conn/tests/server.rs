//! A server as a value: enough of Redis to answer with the name of what it ran, to count how often it ran it, and to keep the
//! state that a connection has: database, protocol, transaction, subscriptions.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::command::arguments;

/// What outlives connections.
#[derive(Debug)]
pub struct Server {
    /// How often each command ran, by its text.
    pub ran: HashMap<String, u32>,
    /// How often each command ran outside a transaction.
    pub ran_alone: HashMap<String, u32>,
    /// Whether it knows HELLO.
    pub resp3: bool,
    /// What it answers to HELLO and AUTH instead of `+OK`, once each, raw.
    pub handshake_errors: VecDeque<String>,
    /// Answers to INFO (raw where they begin with `-` or `+`); the last one stays.
    pub info: VecDeque<String>,
    /// Errors that commands of this text meet, one each.
    pub refusals: HashMap<String, VecDeque<String>>,
    /// Commands (by name) after which a connection does nothing until `unblock`.
    pub blocking: HashSet<String>,
    /// Runs commands as they arrive; otherwise only when their reply is asked for.
    pub eager: bool,
    /// Takes everything in and says nothing.
    pub frozen: bool,
    /// What it answers to EXEC instead of running the transaction, once each, raw.
    pub aborts: VecDeque<String>,
    /// How many databases it has.
    pub databases: u32,
    /// Commands in the order in which they arrived, of all connections.
    pub heard: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            ran: HashMap::new(),
            ran_alone: HashMap::new(),
            resp3: true,
            handshake_errors: VecDeque::new(),
            info: VecDeque::from(["loading:0".to_owned()]),
            refusals: HashMap::new(),
            blocking: HashSet::new(),
            eager: true,
            frozen: false,
            aborts: VecDeque::new(),
            databases: 16,
            heard: Vec::new(),
        }
    }
}

/// What a connection has.
#[derive(Debug, Default)]
pub struct Connection {
    inbound: Vec<u8>,
    pub outbound: VecDeque<u8>,
    db: u32,
    pub is_resp3: bool,
    transaction: Option<Vec<Vec<String>>>,
    pub channels: BTreeSet<String>,
    pub patterns: BTreeSet<String>,
    pub shards: BTreeSet<String>,
    blocked: bool,
    /// It has closed its side behind what is in `outbound`.
    pub closed: bool,
    /// What it says does not arrive.
    pub mute: bool,
}

impl Connection {
    pub fn receive(&mut self, bytes: &[u8], server: &mut Server) {
        self.inbound.extend_from_slice(bytes);
        if server.eager {
            while self.run_next(server) {}
        }
    }

    /// Sees to it that there are `n` bytes to read, if there can be.
    pub fn answer(&mut self, n: usize, server: &mut Server) {
        while self.outbound.len() < n && self.run_next(server) {}
    }

    pub fn unblock(&mut self, server: &mut Server) {
        self.blocked = false;
        self.answer(usize::from(server.eager) * usize::MAX, server);
    }

    pub fn publish(&mut self, channel: &str, payload: &str) {
        if self.channels.contains(channel) {
            self.push(&["message", channel, payload]);
        }
        for pattern in self.patterns.clone() {
            if channel.starts_with(pattern.trim_end_matches('*')) {
                self.push(&["pmessage", &pattern, channel, payload]);
            }
        }
    }

    pub fn move_slot(&mut self, channel: &str) {
        self.shards.remove(channel);
        self.confirm("sunsubscribe", Some(channel));
    }

    pub fn say(&mut self, raw: &str) {
        if !self.mute {
            self.outbound.extend(raw.as_bytes());
        }
    }

    fn run_next(&mut self, server: &mut Server) -> bool {
        if server.frozen || self.blocked || self.closed {
            return false;
        }
        let Some((parts, length)) = first_command(&self.inbound) else { return false };
        self.inbound.drain(..length);
        server.heard.push(parts.join(" "));
        self.run(parts, server);
        true
    }

    fn run(&mut self, parts: Vec<String>, server: &mut Server) {
        let text = parts.join(" ");
        let name = parts[0].to_lowercase();
        let refusal = server.refusals.get_mut(&text).and_then(VecDeque::pop_front);
        if let Some(error) = refusal {
            return self.say(&format!("-{error}\r\n"));
        }
        if !matches!(name.as_str(), "exec" | "discard" | "quit" | "reset" | "multi") {
            if let Some(queue) = &mut self.transaction {
                queue.push(parts);
                return self.say("+QUEUED\r\n");
            }
        }
        match name.as_str() {
            "hello" => match server.handshake_errors.pop_front() {
                Some(error) => self.say(&format!("{error}\r\n")),
                None if server.resp3 => {
                    self.is_resp3 = true;
                    self.say("%2\r\n+server\r\n+fake\r\n+proto\r\n:3\r\n");
                }
                None => self.say("-NOPROTO unsupported protocol version\r\n"),
            },
            "auth" => match server.handshake_errors.pop_front() {
                Some(error) => self.say(&format!("{error}\r\n")),
                None => self.say("+OK\r\n"),
            },
            "info" => {
                let info = if server.info.len() > 1 { server.info.pop_front() } else { server.info.front().cloned() };
                let info = info.unwrap_or_default();
                let raw = if info.starts_with(['-', '+']) { format!("{info}\r\n") } else { format!("${}\r\n{info}\r\n", info.len()) };
                self.say(&raw);
            }
            "select" => match parts[1].parse::<u32>() {
                Ok(db) if db < server.databases => {
                    self.db = db;
                    self.say("+OK\r\n");
                }
                _ => self.say("-ERR DB index is out of range\r\n"),
            },
            "multi" if self.transaction.is_some() => self.say("-ERR MULTI calls can not be nested\r\n"),
            "multi" => {
                self.transaction = Some(Vec::new());
                self.say("+OK\r\n");
            }
            "discard" => {
                let open = self.transaction.take().is_some();
                self.say(if open { "+OK\r\n" } else { "-ERR DISCARD without MULTI\r\n" });
            }
            "exec" => match self.transaction.take() {
                None => self.say("-ERR EXEC without MULTI\r\n"),
                Some(_) if !server.aborts.is_empty() => {
                    let raw = server.aborts.pop_front().unwrap_or_default();
                    self.say(&format!("{raw}\r\n"));
                }
                Some(queue) => {
                    self.say(&format!("*{}\r\n", queue.len()));
                    for parts in queue {
                        self.run_plain(&parts, server, true);
                    }
                }
            },
            "subscribe" | "psubscribe" | "ssubscribe" => {
                for channel in &parts[1..] {
                    self.set(&name).insert(channel.clone());
                    self.confirm(&name, Some(channel));
                }
            }
            "unsubscribe" | "punsubscribe" | "sunsubscribe" => {
                let all: Vec<String> = if parts.len() > 1 { parts[1..].to_vec() } else { self.set(&name).iter().cloned().collect() };
                if all.is_empty() {
                    self.confirm(&name, None);
                }
                for channel in &all {
                    self.set(&name).remove(channel);
                    self.confirm(&name, Some(channel));
                }
            }
            "client" | "readonly" | "monitor" => self.say("+OK\r\n"),
            "ping" => {
                let raw = if self.is_subscriber() { "*2\r\n$4\r\npong\r\n$0\r\n\r\n" } else { "+PONG\r\n" };
                self.say(raw);
            }
            "quit" => {
                self.say("+OK\r\n");
                self.closed = true;
            }
            "reset" => {
                *self =
                    Self { inbound: std::mem::take(&mut self.inbound), outbound: std::mem::take(&mut self.outbound), ..Self::default() };
                self.say("+RESET\r\n");
            }
            _ if self.is_subscriber() => self.say("-ERR Can't execute in this context\r\n"),
            _ => {
                if server.blocking.contains(&name) {
                    self.blocked = true;
                }
                self.run_plain(&parts, server, false);
            }
        }
    }

    fn run_plain(&mut self, parts: &[String], server: &mut Server, in_transaction: bool) {
        let text = parts.join(" ");
        if text.starts_with("select ") {
            let target = parts[1].parse().ok().filter(|db| *db < server.databases);
            self.db = target.unwrap_or(self.db);
            return self.say(if target.is_some() { "+OK\r\n" } else { "-ERR DB index is out of range\r\n" });
        }
        let reply = format!("db{} {text}", self.db);
        *server.ran.entry(text.clone()).or_default() += 1;
        if !in_transaction {
            *server.ran_alone.entry(text).or_default() += 1;
        }
        let bulk = format!("${}\r\n{reply}\r\n", reply.len());
        if parts[0] == "mget" {
            self.say(&format!("*2\r\n{bulk}{bulk}"));
        } else {
            self.say(&bulk);
        }
    }

    fn is_subscriber(&self) -> bool {
        !self.is_resp3 && self.channels.len() + self.patterns.len() + self.shards.len() > 0
    }

    fn set(&mut self, name: &str) -> &mut BTreeSet<String> {
        match name.as_bytes()[0] {
            b'p' => &mut self.patterns,
            b's' if name.starts_with("ss") || name.starts_with("sun") => &mut self.shards,
            _ => &mut self.channels,
        }
    }

    fn confirm(&mut self, name: &str, channel: Option<&str>) {
        let count =
            if name.contains("ssub") || name.contains("sunsub") { self.shards.len() } else { self.channels.len() + self.patterns.len() };
        let channel = channel.map_or("$-1\r\n".to_owned(), |c| format!("${}\r\n{c}\r\n", c.len()));
        let kind = if self.is_resp3 { '>' } else { '*' };
        self.say(&format!("{kind}3\r\n${}\r\n{name}\r\n{channel}:{count}\r\n", name.len()));
    }

    fn push(&mut self, parts: &[&str]) {
        let kind = if self.is_resp3 { '>' } else { '*' };
        self.say(&format!("{kind}{}\r\n", parts.len()));
        for part in parts {
            self.say(&format!("${}\r\n{part}\r\n", part.len()));
        }
    }
}

/// The first whole command of `bytes`, and its length.
fn first_command(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let head = memchr::memchr(b'\n', bytes)?;
    let count: usize = std::str::from_utf8(&bytes[1..head - 1]).ok()?.parse().ok()?;
    let parts: Vec<&[u8]> = arguments(bytes).take(count).collect();
    let last = parts.last().filter(|_| parts.len() == count)?;
    let end = last.as_ptr() as usize - bytes.as_ptr() as usize + last.len() + 2;
    (end <= bytes.len()).then(|| (parts.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect(), end))
}
