//! Engines: which there are, and what is told of those that are not there.

use expect_test::expect;

use engine::place::Place;

use super::{Said, check_environment, check_file, resolve};

#[test]
fn there_is_the_engine_in_memory() {
    let file = "[engine]\nurl = \"memory:\"\nprefix = \"us-1:\"\n";
    let engine = resolve(Said { file, ..Said::default() }).unwrap().config.engine;
    assert_eq!((engine.url, &*engine.prefix), (Place::Memory, "us-1:"));
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
        &[("USHER_ENGINE__URL", "rediss://:0123456789@h:1")],
        expect![[r#"
            USHER_ENGINE__URL: must be "memory:" or "redis://host:port": TLS, Sentinel and Cluster are not in this version
        "#]],
    );
}
