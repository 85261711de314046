//! Fleet page: what docs/fleet.md says can be typed, as it stands, against a Redis and nodes of its
//! own.

use std::{env::temp_dir, fs, path::PathBuf, process::Command, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    page::{Step, is_like, prints_as_shown, steps},
    program::{Ended, PATIENCE, Program, USHER, run},
    redis::free_address,
};

const PAGE: &str = include_str!("../../../docs/fleet.md");

/// The ports that the page names: of Redis, and of the nodes.
const PORTS: [&str; 4] = ["6379", "7401", "7402", "7403"];

/// Somebody who types what the page says.
struct Reader {
    folder: PathBuf,
    /// The ports that are free here, in the order of those on the page.
    ports: Vec<String>,
    /// What was started and goes on.
    running: Vec<Program>,
}

impl Reader {
    fn new() -> Self {
        let folder = temp_dir().join(format!("usher-fleet-page-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let ports = PORTS.iter().map(|_| free_address().port().to_string()).collect();
        Self { folder, ports, running: Vec::new() }
    }

    /// A text of the page, with what is there in the place of what the page names.
    fn here(&self, text: &str) -> String {
        let ports = PORTS.iter().zip(&self.ports);
        ports.fold(text.to_owned(), |text, (named, free)| text.replace(named, free))
    }

    /// A line of the page, to be typed.
    fn typed(&self, line: &str, instead: &str) -> Command {
        let line = self.here(line).replace("./target/release/usher", instead);
        let mut command = Command::new("sh");
        // Where a page speaks of 20 s, a test does not wait for them.
        command.env("USHER_DRAIN__WINDOW", "1s").env("USHER_DRAIN__DELAY", "0s");
        command.args(["-c", &line]).current_dir(&self.folder);
        command
    }

    /// Starts what goes on.
    fn start(&mut self, line: &str) -> &mut Program {
        // It takes the place of the shell, so that it ends with the test.
        let line = line.strip_prefix("redis-server").map_or_else(
            || line.to_owned(),
            |settings| format!("exec redis-server --dir . --save '' {settings}"),
        );
        let program = Program::start(&mut self.typed(&line, &format!("exec '{USHER}'")));
        self.running.push(program);
        self.running.last_mut().expect("it was put there")
    }

    fn finish(&self, line: &str) -> Ended {
        let ended = run(&mut self.typed(line, &format!("'{USHER}'")), "");
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        ended
    }

    /// Does what a line says, and looks at what is printed.
    fn do_step(&mut self, step: &Step) {
        let line = step.line.as_str();
        if line.starts_with("redis-server") {
            self.start(line).line_with("Ready to accept connections");
        } else if line.contains("/usher serve ") {
            self.start(line).error_line_with("listening");
        } else if line.contains("/usher connect ") {
            let welcome = self.start(line).frame();
            // It is the one that she prefers, as the page says.
            assert_eq!((&welcome["type"], &welcome["node"]), (&json!("welcome"), &json!("n1")));
        } else {
            if line.contains("/usher nodes ") {
                self.until_all_are_ready(line);
            }
            let out = self.finish(line).out;
            let printed = step.printed.iter().map(|line| self.here(line)).collect();
            prints_as_shown(&out, &Step { line: line.to_owned(), answer: None, printed });
            if let Some(shown) = &step.answer {
                let answer: Value = serde_json::from_str(&out).expect("it is JSON");
                assert!(is_like(&answer, shown), "{line}\nanswers {answer}\nand not {shown}");
            }
        }
    }

    fn until_all_are_ready(&self, line: &str) {
        let looks = PATIENCE.as_millis() / 50;
        let all = (0..looks).any(|_| {
            thread::sleep(Duration::from_millis(50));
            let list = self.finish(line).out;
            list.lines().filter(|node| node.contains(" ready ")).count() == PORTS[1..].len()
        });
        assert!(all, "not all nodes are ready and known");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The last that was started ends first.
        while self.running.pop().is_some() {}
        fs::remove_dir_all(&self.folder).ok();
    }
}

#[test]
fn every_line_of_the_page_does_what_the_page_says() {
    let mut reader = Reader::new();
    let steps = steps(PAGE);
    assert!(steps.len() >= 9, "{steps:?}");
    for step in &steps {
        reader.do_step(step);
    }
    // Redis, three nodes, and alice, who resumes on another one when hers is sent away.
    let alice = reader.running.last_mut().expect("it was started");
    let again = loop {
        let frame = alice.frame();
        if frame["type"] == "welcome" {
            break frame;
        }
    };
    assert_eq!(again["resumed"], true);
    assert_ne!(again["node"], "n1");
    let first = reader.running.remove(1);
    assert_eq!(first.end().code, Some(0));
}
