//! Tests of URLs.

use super::Place;

#[test]
fn urls_say_where_and_keep_their_secrets() {
    let shown = |url: &str| Place::parse(url).map(|place| format!("{place} {place:?}"));
    assert_eq!(shown("memory:").as_deref(), Ok("memory: memory:"));
    for url in ["redis://h:6379", "redis://:s3cret@h:6379", "redis://u:p@@h:6379"] {
        assert_eq!(shown(url).as_deref(), Ok("redis://h:6379 redis://h:6379"), "{url}");
    }
    assert_eq!(
        shown("redis://u:s3cret@[::1]:1/2").as_deref(),
        Ok("redis://[::1]:1/2 redis://[::1]:1/2")
    );
    for wrong in ["", "memory", "redis:", "redis://", "http://h", "rediss://h", "redis+cluster://h"]
    {
        let error = Place::parse(wrong).expect_err(wrong);
        assert!(error.starts_with("must be \"memory:\" or "), "{wrong}: {error}");
    }
}
