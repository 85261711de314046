//! Tests of which engine is meant.

use super::{Nodes, Shared};

fn nodes(count: Option<u16>, engine: Option<&str>) -> Nodes {
    Nodes { nodes: count, engine: engine.map(ToOwned::to_owned) }
}

#[test]
fn several_nodes_share_a_redis_and_one_has_its_memory() {
    let shared = |count, engine| {
        let nodes = nodes(count, engine);
        match nodes.shared() {
            Ok(None) => "memory".to_owned(),
            Ok(Some(Shared::Started)) => "started".to_owned(),
            Ok(Some(Shared::Given(url))) => url.to_owned(),
            Err(failure) => failure.to_string(),
        }
    };
    assert_eq!(shared(None, None), "memory");
    assert_eq!(shared(Some(1), Some("memory:")), "memory");
    assert_eq!(shared(Some(1), Some("redis:")), "started");
    assert_eq!(shared(Some(3), None), "started");
    assert_eq!(shared(None, Some("redis://a:1")), "redis://a:1");
    assert!(shared(Some(2), Some("memory:")).contains("share nothing"));
    assert!(shared(Some(2), Some("redis+cluster://a:1")).contains("cannot be measured"));
}
