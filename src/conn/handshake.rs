//! The first commands on a connection, all written at once, and the meaning of their answers. The order is ioredis's,
//! because test servers depend on it.

use super::options::LinkOptions;
use super::pending::Step;
use crate::resp::{Commands, Reply};

/// The commands of the handshake, each with its step.
pub fn commands(options: &LinkOptions, protocol: u8) -> Vec<(Step, Commands)> {
    let mut all = Vec::new();
    let user = options.username.as_deref();
    let password = options.password.as_deref();
    if protocol == 3 {
        match password {
            Some(password) => all.push((Step::Hello, one(&["hello", "3", "AUTH", user.unwrap_or("default"), password]))),
            None => all.push((Step::Hello, one(&["hello", "3"]))),
        }
    } else if let Some(password) = password {
        all.push((Step::Auth, auth(user, password)));
    }
    let mut add = |step: Step, parts: &[&str]| all.push((step, one(parts)));
    if options.db != 0 {
        add(Step::Select, &["select", &options.db.to_string()]);
    }
    if let Some(name) = &options.connection_name {
        add(Step::Optional, &["client", "setname", name]);
    }
    if options.read_only {
        add(Step::Optional, &["readonly"]);
    }
    if let Some(info) = &options.client_info {
        add(Step::Optional, &["client", "SETINFO", "LIB-VER", &info.version]);
        add(Step::Optional, &["client", "SETINFO", "LIB-NAME", &info.name]);
    }
    all.extend((0..).zip(&options.fieldsets).map(|(index, fieldset)| (Step::Fieldset(index), prepare(fieldset))));
    if options.ready_check {
        all.push((Step::Info, one(&["info"])));
    }
    all
}

/// AUTH.
pub fn auth(user: Option<&str>, password: &str) -> Commands {
    match user {
        Some(user) => one(&["auth", user, password]),
        None => one(&["auth", password]),
    }
}

fn one(parts: &[&str]) -> Commands {
    let mut command = Commands::new();
    command.push(parts);
    command
}

/// Source: <https://redis.io/docs/latest/commands/himport/>
fn prepare(fieldset: &[Vec<u8>]) -> Commands {
    let mut command = Commands::new();
    let parts: Vec<&[u8]> = [b"himport".as_slice(), b"PREPARE"].into_iter().chain(fieldset.iter().map(Vec::as_slice)).collect();
    command.push(&parts);
    command
}

/// What an answer to HELLO or AUTH means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Accepted,
    /// Go on, and tell the user.
    Warning(String),
    /// The server has no RESP3: go on in RESP2 on the same socket.
    NoResp3,
    /// This connection will not do.
    Refused(String),
}

/// Interprets the answer to HELLO or AUTH.
pub fn check_auth(step: Step, reply: &Reply) -> Verdict {
    let Some(error) = reply.error() else { return Verdict::Accepted };
    let text = without_arguments(&String::from_utf8_lossy(error)).to_owned();
    let lower = text.to_lowercase();
    if step == Step::Hello && (text.starts_with("NOPROTO") || is_missing(&text) || is_misread(&lower)) {
        return Verdict::NoResp3;
    }
    // ioredis's words.
    if lower.contains("no password is set") {
        return Verdict::Warning("Redis server does not require a password, but a password was supplied.".to_owned());
    }
    if lower.contains("without any password configured for the default user") {
        let text = "This Redis server's `default` user does not require a password, but a password was supplied";
        return Verdict::Warning(text.to_owned());
    }
    if lower.contains("wrong number of arguments for 'auth' command") {
        return Verdict::Warning(format!("the server knows no user names and ignored the one given: {text}"));
    }
    Verdict::Refused(text)
}

/// The error for a command that does not exist shows the arguments of the command: here they are credentials.
fn without_arguments(error: &str) -> &str {
    error.split(", with args beginning with").next().unwrap_or_default()
}

/// Whether an error says that there is no such command: in Redis's words, where it is renamed or older, and in those of proxies and
/// of servers under the same protocol.
fn is_missing(error: &str) -> bool {
    // An error with a code of its own is about something else.
    let code = error.split(' ').next().unwrap_or_default();
    if code != "ERR" && code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return false;
    }
    let error = error.to_lowercase();
    let about_the_command = ["command", "hello", "info"].iter().any(|word| error.contains(word));
    let means_missing = [
        "unknown",
        "unsupported",
        "not support",
        "n't support",
        "unrecognized",
        "not recognized",
        "invalid command",
        "no such command",
        "not found",
        "not allowed",
        "disallowed",
        "forbidden",
        "not available",
        "unavailable",
        "disabled",
        "not permitted",
        "blocked",
    ];
    error.contains("not implemented")
        || error.contains("unimplemented")
        || (about_the_command && means_missing.iter().any(|words| error.contains(words)))
}

/// Whether an answer to HELLO says that its arguments or HELLO itself mean nothing to the server, without a word about a command. What
/// is said about users and passwords is another matter.
fn is_misread(lower: &str) -> bool {
    let Some(text) = lower.strip_prefix("err ") else { return false };
    let means_misread = [
        "unknown",
        "unsupported",
        "not support",
        "illegal",
        "bad command",
        "bad request",
        "invalid request",
        "syntax error",
        "wrong number of arguments",
        "protocol version",
    ];
    means_misread.iter().any(|words| text.contains(words)) && !["user", "password", "auth"].iter().any(|word| text.contains(word))
}

/// Whether an error means "not now" rather than "never".
pub fn is_passing(error: &str) -> bool {
    ["BUSY ", "LOADING ", "MASTERDOWN ", "ERR max number of clients"].iter().any(|prefix| error.starts_with(prefix))
}

/// What the answer to the ready check means.
#[derive(Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Ready.
    Ready,
    /// Ready, and tell the user.
    Warning(String),
    /// Loading, or busy with a script: look again after this many milliseconds.
    Loading(u64),
    /// This connection will not do.
    Refused(String),
}

/// Interprets the answer to INFO. A reply without `loading` counts as ready, because not every server with this protocol is Redis.
pub fn check_info(reply: &Reply) -> Readiness {
    if let Some(error) = reply.error() {
        let text = String::from_utf8_lossy(error).into_owned();
        if text.starts_with("NOPERM") || is_missing(&text) {
            return Readiness::Warning(format!("Skipping the ready check because INFO command fails: {text}"));
        }
        if is_passing(&text) {
            return Readiness::Loading(500);
        }
        return Readiness::Refused(text);
    }
    let info = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let field = |name: &str| info.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if field("loading").is_none_or(|v| v == "0") {
        return Readiness::Ready;
    }
    let seconds = field("loading_eta_seconds").and_then(|v| v.parse::<f64>().ok()).unwrap_or(1.0);
    Readiness::Loading((seconds * 1e3).max(10.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &LinkOptions, protocol: u8) -> Vec<String> {
        commands(options, protocol)
            .iter()
            .flat_map(|(_, c)| {
                c.iter()
                    .map(|b| crate::command::arguments(b).map(|a| String::from_utf8_lossy(a)).collect::<Vec<_>>().join(" "))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn the_order_on_the_wire() {
        let mut options = LinkOptions { db: 2, connection_name: Some("me".into()), read_only: true, ..LinkOptions::default() };
        options.client_info = Some(super::super::ClientInfo { name: "lib".into(), version: "1".into() });
        assert_eq!(
            names(&options, 3),
            ["hello 3", "select 2", "client setname me", "readonly", "client SETINFO LIB-VER 1", "client SETINFO LIB-NAME lib", "info"]
        );
        let fieldsets = vec![vec![b"set".to_vec(), b"a".to_vec(), b"b".to_vec()], vec![b"other".to_vec()]];
        let options = LinkOptions { fieldsets, ..LinkOptions::default() };
        assert_eq!(names(&options, 3), ["hello 3", "himport PREPARE set a b", "himport PREPARE other", "info"]);
        let options = LinkOptions { password: Some("p".into()), ready_check: false, ..LinkOptions::default() };
        assert_eq!(names(&options, 3), ["hello 3 AUTH default p"]);
        assert_eq!(names(&options, 2), ["auth p"]);
        let options = LinkOptions { username: Some("u".into()), ..options };
        assert_eq!(names(&options, 2), ["auth u p"]);
    }

    #[test]
    fn answers_are_checked() {
        let error = |text: &str| Reply::Error(text.as_bytes().to_vec());
        assert_eq!(check_auth(Step::Hello, &Reply::Simple(b"OK".to_vec())), Verdict::Accepted);
        assert_eq!(check_auth(Step::Hello, &error("NOPROTO unsupported protocol version")), Verdict::NoResp3);
        for text in [
            "ERR unknown command `HELLO`, with args beginning with: `3`, ",
            "ERR unsupported command",
            "ERR Unsupported command: HELLO",
            "ERR unknown redis command 'hello'",
            "ERR command HELLO is not supported",
            "ERR 'HELLO' command is not allowed on this proxy",
            "ERR the command is disabled",
            "ERR HELLO not implemented",
            "ERR not implemented",
            "ERR invalid command",
            "ERR Unknown or disabled command 'HELLO'",
            "ERR forbidden command",
            "ERR this server doesn't support HELLO",
            "ERR no such command",
        ] {
            assert_eq!(check_auth(Step::Hello, &error(text)), Verdict::NoResp3, "{text}");
            assert!(matches!(check_info(&error(&text.replace("HELLO", "INFO"))), Readiness::Warning(_)), "{text}");
        }
        for text in [
            "ERR illegal command",
            "ERR bad command",
            "ERR not supported",
            "ERR wrong number of arguments for 'hello' command",
            "ERR syntax error",
            "ERR Protocol version is not an integer or out of range",
        ] {
            assert_eq!(check_auth(Step::Hello, &error(text)), Verdict::NoResp3, "{text}");
        }
        for text in [
            "ERR unknown user",
            "ERR invalid password",
            "NOAUTH HELLO must be called with the client already authenticated",
            "ERR max number of clients reached",
            "DENIED this command is not allowed in protected mode",
        ] {
            assert!(matches!(check_auth(Step::Hello, &error(text)), Verdict::Refused(_)), "{text}");
        }
        assert!(matches!(check_auth(Step::Auth, &error("ERR Client sent AUTH, but no password is set")), Verdict::Warning(_)));
        assert!(matches!(check_auth(Step::Hello, &error("WRONGPASS invalid")), Verdict::Refused(_)));
        let info = |text: &str| check_info(&Reply::Bulk(text.as_bytes().to_vec()));
        assert_eq!(info("a:1\r\nloading:0\r\n"), Readiness::Ready);
        assert_eq!(info("loading:1\r\nloading_eta_seconds:3\r\n"), Readiness::Loading(3000));
        assert_eq!(check_info(&Reply::Simple(b"OK".to_vec())), Readiness::Ready);
        assert_eq!(check_info(&error("BUSY Redis is busy running a script.")), Readiness::Loading(500));
        assert!(matches!(check_info(&error("NOPERM no")), Readiness::Warning(_)));
        assert!(matches!(check_info(&error("NOAUTH Authentication required.")), Readiness::Refused(_)));
        assert!(matches!(check_info(&error("ERR x")), Readiness::Refused(_)));
    }
}
