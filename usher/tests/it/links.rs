//! Links: every URL that `usher dev` prints works at the moment when it is printed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    node::{FREE, Node},
    program::{Program, run, shell, usher},
    session::Session,
};

/// The URLs in a text, without what stands behind them.
fn urls(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "\"'<>".contains(c));
    words.filter(|word| word.contains("://")).map(str::to_owned).collect()
}

/// The API's base is what paths are added to; with one of them it is asked for.
fn asked(url: &str) -> String {
    match url.strip_suffix("/v1") {
        Some(_) => format!("{url}/sessions"),
        None => url.to_owned(),
    }
}

/// The status of a GET with the key.
fn status(url: &str, key: &str) -> String {
    let line = format!(
        "curl --silent --output /dev/null --write-out '%{{http_code}}' \
         --header 'Authorization: Bearer {key}' '{url}'"
    );
    let ended = run(&mut shell(&line), "");
    assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
    ended.out.trim().to_owned()
}

fn check(urls: &BTreeSet<String>, key: &str, ticket: impl Fn() -> String) {
    assert!(!urls.is_empty());
    for url in urls {
        if url.starts_with("ws://") {
            Session::at(url, &["usher.v1", &format!("ticket.{}", ticket())]);
        } else {
            let status = status(&asked(url), key);
            assert!(status.starts_with('2'), "{url}: {status}");
        }
    }
}

#[test]
fn every_url_of_the_banner_works() {
    let node = Node::dev();
    let lines: Vec<&str> = node.banner.lines().map(str::trim).collect();
    // What is to be typed is typed, and is not a page to open.
    let (typed, shown): (Vec<&str>, Vec<&str>) =
        lines.into_iter().partition(|line| line.contains("curl "));
    let (_, send) = typed[0].split_once("curl ").expect("it was chosen for that");
    let answer = node.type_line(&format!("curl --fail --silent {send}"));
    assert!(answer.contains("\"matched\":0"), "{answer}");

    let shown = shown.join("\n");
    let key = shown.split("Bearer ").nth(1).and_then(|rest| rest.split_whitespace().next());
    check(&urls(&shown), key.expect("the banner has the key"), || node.ticket("alice"));
}

#[test]
fn every_url_of_the_json_line_works() {
    let mut program = Program::start(&mut usher(&["dev", "--listen", FREE, "--json"]));
    let line = program.line();
    let values: Value = serde_json::from_str(&line).expect("it is JSON");
    let text = |name: &str| values[name].as_str().expect("it is a text").to_owned();
    let base = text("links");
    let ticket = || {
        let ended = run(usher(&["ticket", "alice"]).env("USHER_URL", &base), "");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.trim().to_owned()
    };
    check(&urls(&line), &text("key"), ticket);
}

#[test]
fn every_link_of_the_first_page_works() {
    let node = Node::dev();
    let page = node.type_line(&format!("curl --fail --silent http://{}/", node.address));
    let links: BTreeSet<String> = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|path| format!("http://{}{path}", node.address))
        .collect();
    check(&links, "none", || unreachable!("no page leads to a socket"));
    let typed = page.split("<code>curl ").skip(1).filter_map(|rest| rest.split("</code>").next());
    let answers: Vec<String> =
        typed.map(|line| node.type_line(&format!("curl --fail --silent {line}"))).collect();
    assert!(answers.len() >= 2 && answers.iter().all(|answer| answer.starts_with('{')));
}

#[test]
fn a17_other_sites_and_foreign_names_get_no_ticket_from_dev() {
    let node = Node::dev();
    let ask = |headers: &str| {
        let line = format!(
            "curl --silent --include --data '{{\"user\":\"alice\"}}' {headers} http://{}/dev/ticket",
            node.address
        );
        node.type_line(&line).to_lowercase()
    };
    for mine in ["", "--header 'Origin: http://localhost:3000'"] {
        assert!(ask(mine).starts_with("http/1.1 201 "), "{mine}");
    }
    assert!(
        ask("--header 'Origin: http://localhost:3000'")
            .contains("access-control-allow-origin: http://localhost:3000\n")
    );
    for foreign in [
        "--header 'Origin: https://other.example'",
        "--header 'Origin: null'",
        "--header 'Host: other.example'",
        "--header 'Host: localhost.other.example'",
    ] {
        let answer = ask(foreign);
        assert!(answer.starts_with("http/1.1 403 "), "{foreign}: {answer}");
        assert!(!answer.contains("access-control-allow-origin"), "{foreign}: {answer}");
    }
}
