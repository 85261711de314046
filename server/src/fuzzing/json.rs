//! JSON, as far as a second reading needs it: which keys an object has, how deep a value nests.
//!
//! What is strict elsewhere is not so here: a key may be there twice, and nothing is unknown.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Whether that is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The keys of an object in their order, each as often as it is there; `None` if it is none.
pub(super) fn keys(text: &str) -> Option<Vec<String>> {
    struct Keys(Vec<String>);

    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Object;

            impl<'de> Visitor<'de> for Object {
                type Value = Keys;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, IgnoredAny)) = map.next_entry()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }

            deserializer.deserialize_map(Object)
        }
    }

    serde_json::from_str(text).ok().map(|Keys(keys)| keys)
}

/// How deep arrays and objects nest; `None` if that is not read to its end, as where a number is
/// larger than any.
pub(super) fn depth(text: &str) -> Option<usize> {
    struct Depth(usize);

    struct Value;

    impl<'de> Visitor<'de> for Value {
        type Value = Depth;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value")
        }

        fn visit_unit<E: Error>(self) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Depth, E> {
            Ok(Depth(0))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Depth, A::Error> {
            let mut most = 0;
            while let Some(Depth(depth)) = seq.next_element()? {
                most = most.max(depth);
            }
            Ok(Depth(1 + most))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Depth, A::Error> {
            let mut most = 0;
            while let Some((IgnoredAny, Depth(depth))) = map.next_entry()? {
                most = most.max(depth);
            }
            Ok(Depth(1 + most))
        }
    }

    impl<'de> Deserialize<'de> for Depth {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Value)
        }
    }

    serde_json::from_str(text).ok().map(|Depth(depth)| depth)
}
