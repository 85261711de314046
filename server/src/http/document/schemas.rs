//! Schemas: those of all types that a document speaks of, each once.
//!
//! A type that is read is described by what is taken for it, one that is written by what it looks
//! like then: a field that may be absent may also be `null` in a request, and never is in an
//! answer. A type that is both must be the same both ways.

use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use crate::http::shape::SchemaOf;

/// The schemas of a document, as they are asked for.
#[derive(Debug)]
pub(super) struct Schemas {
    of_requests: SchemaGenerator,
    of_answers: SchemaGenerator,
}

/// A parameter of a query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) about: Value,
    pub(super) schema: Value,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            of_requests: settings.clone().for_deserialize().into_generator(),
            of_answers: settings.for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    /// The schema of what a request has.
    pub(super) fn of_request(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.of_requests).to_value()
    }

    /// Whether an object of a request, known by a reference to it, must have some property.
    pub(super) fn has_required(&self, reference: &Value) -> bool {
        let path = reference["$ref"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let object = self.of_requests.definitions().get(name);
        object.is_some_and(|object| object.get("required").is_some())
    }

    /// The schema of what an answer has.
    pub(super) fn of_answer(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.of_answers).to_value()
    }

    /// The properties of an object, each as a parameter of a query.
    pub(super) fn parameters(&mut self, query: Option<SchemaOf>) -> Vec<Parameter> {
        let Some(query) = query else { return Vec::new() };
        let mut object = query(&mut self.of_requests);
        // Nobody can say `null` in a query.
        WithoutNull.transform(&mut object);
        let object = object.to_value();
        let properties = object["properties"].as_object().cloned().unwrap_or_default();
        let is_required = |name: &str| {
            object["required"].as_array().is_some_and(|names| names.contains(&json!(name)))
        };
        let parameters = properties.into_iter().map(|(name, mut schema)| Parameter {
            is_required: is_required(&name),
            about: schema["description"].take(),
            schema: {
                schema.as_object_mut().map(|schema| schema.remove("description"));
                schema
            },
            name,
        });
        parameters.collect()
    }

    /// All schemas that others refer to.
    ///
    /// # Panics
    /// If a type looks different in requests and in answers.
    pub(super) fn all(mut self) -> Map<String, Value> {
        let mut all = Map::new();
        let requests = self.of_requests.take_definitions(true);
        for (name, mut schema) in self.of_answers.take_definitions(true) {
            transform(&mut schema, &mut WithoutNull);
            all.insert(name, schema);
        }
        for (name, schema) in requests {
            match all.get(&name) {
                Some(known) => assert_eq!(*known, schema, "{name} looks different in answers"),
                None => drop(all.insert(name, schema)),
            }
        }
        for schema in all.values_mut() {
            transform(schema, &mut Enumerated);
        }
        all
    }
}

fn transform(value: &mut Value, transform: &mut impl Transform) {
    let mut schema = Schema::try_from(value.take()).expect("definitions are schemas");
    transform.transform(&mut schema);
    *value = schema.to_value();
}

/// Takes `null` from what may be absent instead.
#[derive(Debug, Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(schema) = schema.as_object_mut() else { return };
        if let Some(Value::Array(kinds)) = schema.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [kind] = &mut kinds[..] {
                let kind = kind.take();
                schema.insert("type".to_owned(), kind);
            }
        }
        if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| *choice != json!({ "type": "null" }));
            if let [Value::Object(only)] = &mut choices[..] {
                let only = std::mem::take(only);
                schema.remove("anyOf");
                schema.extend(only);
            }
        }
    }
}

/// Makes one list of names of a choice between names, as programs that read documents like it, and
/// one text of what is said of each.
#[derive(Debug, Clone)]
struct Enumerated;

impl Transform for Enumerated {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { return };
        let names: Option<Vec<&str>> = choices.iter().map(|c| c["const"].as_str()).collect();
        let Some(names) = names else { return };
        let about = choices.iter().map(|choice| {
            let (name, about) = (&choice["const"], &choice["description"]);
            format!(
                "- `{}`: {}",
                name.as_str().unwrap_or_default(),
                about.as_str().unwrap_or_default()
            )
        });
        let about = about.collect::<Vec<_>>().join("\n");
        let names = json!(names);
        let head = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), names);
        schema.insert("description".to_owned(), json!(format!("{head}\n\n{about}")));
    }
}
