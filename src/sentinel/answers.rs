//! Reads the replies of Sentinels. A reply of another shape than Sentinel's is no reply: these functions never fail, they find nothing.

use serde_json::{Map, Value};

use crate::contract::ServerAddress;

/// Fields by name, as text.
pub type Fields = Map<String, Value>;

/// The reply to `SENTINEL get-master-addr-by-name`.
pub fn master(reply: &Value) -> Option<ServerAddress> {
    let [host, port, ..] = reply.as_array()?.as_slice() else { return None };
    address(&text(host)?, &text(port)?)
}

/// The reply to `SENTINEL slaves` or `SENTINEL sentinels`: the fields of each. `None` if it is not a list.
pub fn rows(reply: &Value) -> Option<Vec<Fields>> {
    Some(reply.as_array()?.iter().filter_map(fields).collect())
}

/// The address in the fields of a replica or a Sentinel.
pub fn address_in(fields: &Fields) -> Option<ServerAddress> {
    address(&field(fields, "ip")?, &field(fields, "port")?)
}

/// Whether the flags of a row name one of these states.
pub fn has_flag(fields: &Fields, states: &[&str]) -> bool {
    field(fields, "flags").is_some_and(|flags| flags.split(',').any(|flag| states.contains(&flag)))
}

/// A field of a row.
pub fn field(fields: &Fields, name: &str) -> Option<String> {
    fields.get(name).and_then(text)
}

/// A host and a port that can be connected to.
pub fn address(host: &str, port: &str) -> Option<ServerAddress> {
    let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| ServerAddress { host: host.to_owned(), port })
}

/// Names and values in turn (RESP2), or by name (RESP3).
fn fields(row: &Value) -> Option<Fields> {
    match row {
        Value::Array(items) => {
            let pairs = items.chunks_exact(2).filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?.into())));
            Some(pairs.collect())
        }
        Value::Object(object) => Some(object.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?.into()))).collect()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_host_and_a_port_are_an_address() {
        let address = |host: &str, port| Some(ServerAddress { host: host.to_owned(), port });
        assert_eq!(master(&json!(["10.0.0.1", "6379"])), address("10.0.0.1", 6379));
        assert_eq!(master(&json!(["::1", 6379])), address("::1", 6379));
        for lie in [
            json!(null),
            json!("OK"),
            json!([]),
            json!(["10.0.0.1"]),
            json!(["", "6379"]),
            json!(["10.0.0.1", "0"]),
            json!(["10.0.0.1", "65536"]),
            json!(["10.0.0.1", "-1"]),
            json!(["10.0.0.1", "6379x"]),
            json!([null, "6379"]),
            json!([["10.0.0.1"], ["6379"]]),
            json!({"ip": "10.0.0.1", "port": "6379"}),
        ] {
            assert_eq!(master(&lie), None, "{lie}");
        }
    }

    #[test]
    fn rows_are_pairs_or_objects() {
        let both = json!([["ip", "a", "port", "1", "flags", "slave,s_down"], {"ip": "b", "port": 2}, "noise", ["odd"], [1, 2, null, "x"]]);
        let rows = rows(&both).unwrap();
        assert_eq!(rows.iter().map(address_in).collect::<Vec<_>>()[..2], [address("a", "1"), address("b", "2")]);
        assert!(has_flag(&rows[0], &["s_down"]) && !has_flag(&rows[0], &["down", "o_down"]) && !has_flag(&rows[1], &["s_down"]));
        assert_eq!(super::rows(&json!("OK")), None);
    }
}
