//! Engines: which there are, and what is told of those that are not there.

use expect_test::expect;

use engine::place::Place;

use super::{super::show, Said, check_environment, check_file, resolve};

#[test]
fn there_is_the_engine_in_memory() {
    let file = "[engine]\nurl = \"memory:\"\nprefix = \"us-1:\"\n";
    let engine = resolve(Said { file, ..Said::default() }).unwrap().config.engine;
    assert_eq!((engine.url, &*engine.prefix), (Place::Memory, "us-1:"));
}

#[test]
fn there_is_redis_in_each_of_its_shapes() {
    let url = |file: &str, environment: &[(&str, &str)]| {
        let said = Said { file, environment, ..Said::default() };
        resolve(said).unwrap().config.engine.url.urls()
    };
    let list = "[engine]\nurl = [\"redis://:s3cret@a\", \"redis://b:1\"]\n";
    assert_eq!(url(list, &[]), ["redis://a:6379", "redis://b:1"]);
    for text in ["redis://:s3cret@a,redis://b:1", "redis://:s3cret@a redis://b:1"] {
        let shown = ["redis://a:6379", "redis://b:1"];
        assert_eq!(url("", &[("USHER_ENGINE__URL", text)]), shown, "{text}");
    }
    for text in ["redis+cluster://a:1,b:2", "rediss+sentinel://a:1,b:2/main"] {
        assert_eq!(url(&format!("[engine]\nurl = \"{text}\"\n"), &[]), [text]);
        assert_eq!(url("", &[("USHER_ENGINE__URL", text)]), [text]);
    }
}

#[test]
fn a_url_from_a_file_is_shown_with_that_file() {
    let file = "[engine]\nurl_file = \"engine.url\"\n";
    let shown = show(&resolve(Said { file, ..Said::default() }).unwrap());
    let url = shown.lines().find(|line| line.starts_with("url = ")).unwrap();
    let (url, place) = url.split_once(" # ").unwrap();
    assert_eq!(
        (url.trim(), place),
        ("url = \"redis://a:6379\"", "conf/engine.url (engine.url_file)")
    );
}

#[test]
fn c12_another_engine_is_refused_and_its_password_is_not_repeated() {
    check_file(
        "[engine]\nurl = \"redis://:0123456789@localhost:6379\"\nprefix = \"{0123456789}\"\n",
        expect![[r#"
            conf/usher.toml:3: engine.prefix must be 1 to 128 letters, digits, '-', '_', '.' and ':'
        "#]],
    );
    check_environment(
        &[("USHER_ENGINE__URL", "redis://:0123456789@h:1/2")],
        expect![[r#"
            USHER_ENGINE__URL: must name no database; give each set of nodes an engine.prefix of its own instead
        "#]],
    );
    check_environment(
        &[("USHER_ENGINE__URL", "http://:0123456789@h:1")],
        expect![[r#"
            USHER_ENGINE__URL: must be "memory:", "redis://[user:password@]host:port" or a list of them, "redis+sentinel://host:port,host:port/name" or "redis+cluster://host:port,host:port"; with "rediss" for TLS
        "#]],
    );
}
