use super::*;

fn read_with(json: &str, nat: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let asked = Address::given("10.0.0.9:7000").unwrap();
    let nat = nat.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let map = Map::read(json, Source { asked: &asked, nat: &nat })?;
    let show = |row: &Row| {
        let nodes: Vec<String> = row.nodes.iter().map(ToString::to_string).collect();
        format!("{}-{} {}", row.first, row.last, nodes.join(" "))
    };
    Ok(map.rows.iter().map(show).collect())
}

fn read(json: &str) -> Result<Vec<String>, String> {
    read_with(json, &[])
}

#[test]
fn masters_come_before_replicas() {
    let json = r#"[[0,100,["a",1,"id",[]],["b",2,"id"]],[101,16383,["c",3]]]"#;
    assert_eq!(read(json).unwrap(), ["0-100 a:1 b:2", "101-16383 c:3"]);
    assert_eq!(read(r#"[["0","1",["a","1"]]]"#).unwrap(), ["0-1 a:1"], "numbers as text");
    assert_eq!(read(r#"[[5,5,["a",1],["a",1],["b",2]]]"#).unwrap(), ["5-5 a:1 b:2"], "a node that is named twice");
}

#[test]
fn nodes_without_an_address_are_understood_as_redis_says() {
    for (node, expected) in [
        (r"[null,7001]", "1-2 10.0.0.9:7001"),
        (r#"[null,7001,"id",["hostname","a.example"]]"#, "1-2 10.0.0.9:7001"),
        (r#"["",7000]"#, "1-2 10.0.0.9:7000"),
        (r#"["?",7001,"id",["ip","10.0.0.3"]]"#, "1-2 10.0.0.3:7001"),
        (r#"["?",7001,"id",{"ip":"10.0.0.3"}]"#, "1-2 10.0.0.3:7001"),
        (r#"["node.example",7001,"id",["ip","10.0.0.3"]]"#, "1-2 node.example:7001"),
    ] {
        assert_eq!(read(&format!("[[1,2,{node}]]")).unwrap(), [expected], "{node}");
    }
    for node in [r#"["",7001]"#, r#"["?",7001]"#, r#"["?",7001,"id",["ip","?"]]"#, r#"["a",0]"#, "[null,0]"] {
        assert_eq!(read(&format!("[[1,2,{node}]]")).unwrap(), [] as [&str; 0], "a master: {node}");
        assert_eq!(read(&format!(r#"[[1,2,["m",1],{node},["r",2]]]"#)).unwrap(), ["1-2 m:1 r:2"], "a replica: {node}");
    }
}

#[test]
fn a_map_may_be_empty_or_have_gaps() {
    assert_eq!(read("[]").unwrap(), [] as [&str; 0]);
    assert_eq!(read("[[0,5]]").unwrap(), [] as [&str; 0]);
    assert_eq!(read(r#"[[7,7,["a",1]]]"#).unwrap(), ["7-7 a:1"]);
}

#[test]
fn announced_addresses_are_mapped() {
    let json = r#"[[0,1,["10.1.1.1",6379],["10.1.1.2",6379],["10.1.1.3",6379]]]"#;
    let nat = [("10.1.1.1:6379", "127.0.0.1:30001"), ("10.1.1.2:6379", "::1:30002")];
    assert_eq!(read_with(json, &nat).unwrap(), ["0-1 127.0.0.1:30001 ::1:30002 10.1.1.3:6379"]);
    let unknown = r#"[[0,1,[null,7001],["",7000],["?",7002,"id",["ip","10.1.1.9"]]]]"#;
    let nat = [("10.0.0.9:7001", "127.0.0.1:30001"), ("10.1.1.9:7002", "127.0.0.1:30002")];
    assert_eq!(read_with(unknown, &nat).unwrap(), ["0-1 127.0.0.1:30001 10.0.0.9:7000 127.0.0.1:30002"], "by the host that is meant");
    assert!(read_with(json, &[("10.1.1.1:6379", "nowhere")]).unwrap_err().contains("natMap"));
}

#[test]
fn a_hostile_map_is_refused_as_a_whole() {
    for json in [
        "{}",
        "\"OK\"",
        "null",
        "12",
        "[1]",
        "[[]]",
        "[[0]]",
        r#"[[0,16384,["a",1]]]"#,
        r#"[[-1,5,["a",1]]]"#,
        r#"[[5,4,["a",1]]]"#,
        r#"[[0.5,4,["a",1]]]"#,
        r#"[["__proto__",4,["a",1]]]"#,
        r#"[[0,99999999999999999999,["a",1]]]"#,
        r#"[[0,4,"a:1"]]"#,
        r#"[[0,4,["a"]]]"#,
        r#"[[0,4,["a",99999]]]"#,
        r#"[[0,4,["a",-1]]]"#,
        r#"[[0,4,["a","x"]]]"#,
        r#"[[0,4,["a b",1]]]"#,
        r#"[[0,4,["a\r\nCONFIG",1]]]"#,
        "[[0,4,[{},1]]]",
        r#"[[0,4,["a",1]],[4,9,["b",1]]]"#,
        r#"[[0,4,["a",1]],[9,99999,["b",1]]]"#,
    ] {
        let error = read(json).unwrap_err();
        assert!(!error.contains("__proto__") && !error.contains("CONFIG"), "{error}");
    }
}

#[test]
fn a_map_cannot_name_nodes_without_bound() {
    let rows: Vec<String> = (0..=MOST_NODES).map(|slot| format!(r#"[{slot},{slot},["n{slot}",1]]"#)).collect();
    assert!(read(&format!("[{}]", rows.join(","))).is_err());
    assert!(read(&format!("[{}]", rows[1..].join(","))).is_ok());
}
