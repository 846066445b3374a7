//! The watchdog's second connection: authenticated with the credentials of the first, then sent a PING.

use super::handshake::{self, check_auth, Verdict};
use super::options::LinkOptions;
use super::pending::Step;
use crate::resp::{without_attributes, Commands, Limits, Reply, Scanner};

/// What is written to it, and how many replies that brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// All of it, to be written at once.
    pub bytes: Vec<u8>,
    /// HELLO or AUTH, in the order of their replies; PING's is the last.
    steps: Vec<Step>,
}

/// Introduces a connection that speaks `protocol` as the first one was.
pub fn request(options: &LinkOptions, protocol: u8) -> ProbeRequest {
    let mut request = ProbeRequest { bytes: Vec::new(), steps: Vec::new() };
    for (step, command) in handshake::commands(options, protocol) {
        if matches!(step, Step::Hello | Step::Auth) {
            request.bytes.extend(command.iter().flatten());
            request.steps.push(step);
        }
    }
    let mut ping = Commands::new();
    ping.push(&["ping"]);
    request.bytes.extend(ping.iter().flatten());
    request
}

impl ProbeRequest {
    /// Whether the server has answered, from all bytes that have arrived so far; `None`: more are to come. An error is no answer:
    /// a busy server gives one, too, and so does one that refuses the connection for a reason of its own.
    pub fn is_answered(&self, mut bytes: &[u8]) -> Option<bool> {
        let mut scanner = Scanner::new(Limits::default());
        let mut steps = self.steps.iter();
        loop {
            let Ok(length) = scanner.scan(bytes) else { return Some(false) };
            let (frame, rest) = bytes.split_at(length?);
            bytes = rest;
            let frame = without_attributes(frame);
            if frame[0] == b'>' {
                continue;
            }
            let reply = Reply::parse(frame);
            match steps.next() {
                None => return Some(reply.error().is_none()),
                Some(step) => match check_auth(*step, &reply) {
                    Verdict::Accepted | Verdict::Warning(_) => {}
                    Verdict::NoResp3 | Verdict::Refused(_) => return Some(false),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::arguments;

    fn secret() -> LinkOptions {
        LinkOptions { username: Some("u".into()), password: Some("p".into()), db: 3, ..LinkOptions::default() }
    }

    #[test]
    fn it_has_the_credentials_of_the_first_and_changes_nothing() {
        let words = |request: &ProbeRequest| {
            arguments(&request.bytes).take(5).map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>()
        };
        let request = request(&secret(), 3);
        assert_eq!(words(&request), ["hello", "3", "AUTH", "u", "p"]);
        assert!(request.bytes.ends_with(b"*1\r\n$4\r\nping\r\n"));
        assert!(super::request(&secret(), 2).bytes.starts_with(b"*3\r\n$4\r\nauth\r\n"));
        assert_eq!(words(&super::request(&LinkOptions::default(), 2)), ["ping"]);
    }

    #[test]
    fn only_a_reply_to_the_ping_is_an_answer() {
        let hello = "%1\r\n+proto\r\n:3\r\n";
        for (bytes, want) in [
            (format!("{hello}+PONG\r\n"), Some(true)),
            (format!(">2\r\n+x\r\n+y\r\n{hello}+PONG\r\n"), Some(true)),
            ("-ERR Client sent AUTH, but no password is set\r\n+PONG\r\n".to_owned(), Some(true)),
            (format!("{hello}-BUSY Redis is busy running a script.\r\n"), Some(false)),
            (format!("{hello}-LOADING Redis is loading the dataset in memory\r\n"), Some(false)),
            (format!("{hello}-NOPERM this user has no permissions\r\n"), Some(false)),
            ("-ERR max number of clients reached\r\n".to_owned(), Some(false)),
            ("-WRONGPASS invalid username-password pair\r\n-NOAUTH Authentication required.\r\n".to_owned(), Some(false)),
            ("-ERR unknown command 'hello'\r\n+PONG\r\n".to_owned(), Some(false)),
            ("HTTP/1.1 400\r\n".to_owned(), Some(false)),
            (hello.to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(request(&secret(), 3).is_answered(bytes.as_bytes()), want, "{bytes:?}");
        }
    }

    #[test]
    fn every_beginning_of_an_answer_is_none_yet() {
        let bytes = b"%1\r\n+proto\r\n:3\r\n+PONG\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(request(&secret(), 3).is_answered(&bytes[..cut]), None, "{cut}");
        }
    }
}
