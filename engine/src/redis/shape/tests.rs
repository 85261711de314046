//! Tests of URLs.

use super::*;

fn check(url: &str) -> String {
    match Shape::parse(url) {
        Ok(shape) => {
            let shown = format!("{shape}");
            assert!(!shown.contains("s3cret") && !format!("{shape:?}").contains("s3cret"));
            shown
        }
        Err(refused) => format!("{refused:?}"),
    }
}

#[test]
fn each_form_of_url_is_a_shape() {
    for (url, shown) in [
        ("redis://h", "redis://h:6379"),
        ("redis://h:1/", "redis://h:1"),
        ("rediss://u:s3cret@h:1", "rediss://h:1"),
        ("redis://:s3cret,redis@h:1", "redis://h:1"),
        ("redis://[::1]:1", "redis://[::1]:1"),
        ("redis://[::1]", "redis://[::1]:6379"),
        ("redis://a:1,redis://:s3cret@b:2", "redis://a:1,redis://b:2"),
        ("redis://a:1 rediss://b:2", "redis://a:1,rediss://b:2"),
        ("redis://a:1, redis://b:2", "redis://a:1,redis://b:2"),
        ("redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2"),
        ("rediss+cluster://u:s3cret@a", "rediss+cluster://a:6379"),
        ("redis+sentinel://a,b:2/main", "redis+sentinel://a:26379,b:2/main"),
        ("rediss+sentinel://:s3cret@a:1/main?sentinel=u:s3cret", "rediss+sentinel://a:1/main"),
        ("", "Url"),
        ("redis://", "Url"),
        ("http://h", "Url"),
        ("redis://h/1", "Database"),
        ("redis://a:1,redis://b:2/1", "Database"),
        ("redis+cluster://a:1/1", "Database"),
        ("redis+sentinel://a:1/main/1", "Database"),
        ("redis://:s3/cret@h:1", "Percents"),
        ("redis://:s3#cret@h:1", "Percents"),
        ("redis://:s3?cret@h:1", "Percents"),
        ("redis://:s3 cret@h:1", "Percents"),
        ("redis+cluster://:s3@/cret@h:1,i:1", "Percents"),
        ("redis+sentinel://:s3/cret@h/main", "Percents"),
        ("redis+sentinel://h/main?sentinel=:s3@cret", "redis+sentinel://h:26379/main"),
        ("redis://h:1?x=y", "Url"),
        ("redis://h:1#insecure", "Url"),
        ("redis://a:1,redis://a:1", "Twice"),
        ("redis://a,redis+cluster://b", "Url"),
        ("redis+cluster://a,redis://b", "Url"),
        ("redis+cluster://a:1,,b:2", "Url"),
        ("redis+sentinel://a:1", "NoName"),
        ("redis+sentinel://a:1/", "NoName"),
        ("redis+sentinel://a:1/main?password=x", "Url"),
    ] {
        assert_eq!(check(url), shown, "{url}");
    }
}

#[test]
fn who_comes_where_is_read_from_the_url() {
    let account = |user: Option<&str>, password: Option<&str>| Account {
        user: user.map(Into::into),
        password: password.map(Into::into),
    };
    let Ok(Shape::Servers(Doors(doors))) = Shape::parse("redis://a,redis://u:p%2c%40@b") else {
        panic!("it is a list");
    };
    let accounts: Vec<_> = doors.iter().map(|door| door.account.clone()).collect();
    assert!(accounts == [account(None, None), account(Some("u"), Some("p,@"))]);
    let url = "redis+sentinel://:p@a,b/main?sentinel=u:q";
    let Ok(Shape::Sentinel(sentinels)) = Shape::parse(url) else { panic!("it is one") };
    assert!(sentinels.account == account(None, Some("p")));
    assert!(sentinels.doors.iter().all(|door| door.account == account(Some("u"), Some("q"))));
}

#[test]
fn only_a_list_of_servers_is_a_layout_of_its_own() {
    let layout = |url| Shape::parse(url).unwrap().layout();
    assert_eq!(layout("redis://a"), "usher 1, 256 partitions");
    assert_eq!(layout("redis+cluster://a,b"), "usher 1, 256 partitions");
    let one = layout("redis://b,redis://a:1");
    assert_eq!(one, "usher 1, 256 partitions on a:1 b:6379");
    assert_eq!(one, layout("rediss://:x@a:1 redis://b"));
}
