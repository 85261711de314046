//! Tests of what nodes of a Cluster say.

use super::*;

fn text(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn band(first: i64, last: i64, host: Value) -> Value {
    let node =
        |host, port| Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(vec![])]);
    Value::Array(vec![Value::Int(first), Value::Int(last), node(host, 7000), node(text("r"), 7001)])
}

#[test]
fn slots_are_where_the_first_of_each_band_is() {
    let asked = match super::super::shape::Shape::parse("redis://seed:1") {
        Ok(super::super::shape::Shape::Servers(doors)) => doors.0[0].clone(),
        other => panic!("{other:?}"),
    };
    let said = Value::Array(vec![
        band(0, 99, text("a")),
        band(100, 200, Value::Nil),
        band(300, 300, text("")),
    ]);
    let chart = Chart::read(&said, &asked).expect("it is read");
    assert_eq!(chart.keeper(99), Some(("a", 7000)));
    assert_eq!(chart.keeper(100), Some(("seed", 7000)));
    assert_eq!(chart.keeper(250), None);
    assert_eq!(chart.keeper(300), Some(("seed", 7000)));
    for wrong in [
        Value::Nil,
        Value::Array(vec![Value::Int(1)]),
        Value::Array(vec![band(0, 70_000, text("a"))]),
    ] {
        assert_eq!(Chart::read(&wrong, &asked), None);
    }
}
