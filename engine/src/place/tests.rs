//! Tests of URLs.

use super::Place;

#[test]
fn urls_say_where_and_keep_their_secrets() {
    let shown = |url: &str| Place::parse(url).map(|place| format!("{place} {place:?}")).ok();
    assert_eq!(shown("memory:").as_deref(), Some("memory: memory:"));
    for url in ["redis://h:6379", "redis://:s3cret@h:6379", "redis://u:p@@h:6379"] {
        assert_eq!(shown(url).as_deref(), Some("redis://h:6379 redis://h:6379"), "{url}");
    }
    let several = "rediss://a:1,rediss://b:2";
    assert_eq!(shown(several).as_deref(), Some(&*format!("{several} {several}")));
    for wrong in ["", "memory", "redis:", "redis://", "http://h"] {
        let error = Place::parse(wrong).expect_err(wrong).to_string();
        assert!(error.starts_with("must be \"memory:\", "), "{wrong}: {error}");
    }
}
