//! The second list of bodies and their fields, against the API as it is described.

use std::collections::BTreeSet;

use serde_json::Value;

use super::KINDS;

#[test]
fn every_body_of_the_api_is_tried_with_the_fields_that_are_described() {
    let document: Value =
        serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let operations = document["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|path| path.as_object().unwrap().values());
    let bodies = operations.filter_map(|operation| {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
    });
    let names: BTreeSet<&str> = bodies.collect();
    assert_eq!(names, KINDS.iter().map(|kind| kind.name).collect());
    for kind in KINDS {
        let schema = &document["components"]["schemas"][kind.name];
        let described = schema["properties"].as_object().unwrap().keys();
        let described: BTreeSet<&str> = described.map(String::as_str).collect();
        assert_eq!(described, kind.fields.iter().copied().collect(), "{}", kind.name);
    }
}
