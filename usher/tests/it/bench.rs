//! Bench: every benchmark, small; what it prints, and that faults on the way are noticed.

use std::fs;

use serde_json::Value;

use crate::{
    node::Node,
    program::{Ended, Program, run, until, usher},
    redis::Redis,
    tamper::{Fault, Tampering},
};

const PAGE: &str = include_str!("../../../docs/performance.md");

/// What makes any of them short.
const SHORT: [&str; 6] = ["--duration", "500ms", "--warm-up", "100ms", "-o", "json"];

/// Figures that all have.
const SPENT: [&str; 5] =
    ["seconds", "server_cpu_user_s", "server_cpu_system_s", "load_cpu_s", "load_busy_percent"];

const LATENCIES: [&str; 5] =
    ["latency_p50_us", "latency_p90_us", "latency_p99_us", "latency_p999_us", "latency_max_us"];

fn bench(arguments: &[&str]) -> Ended {
    run(usher(&["bench"]).args(arguments), "")
}

/// The report of a benchmark that must succeed, in a pipe, without a word beside it.
fn report(arguments: &[&str]) -> Value {
    let ended = bench(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).expect("it is JSON");
    assert_eq!(report["bench"], arguments[0]);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let notes = report["notes"].as_array().expect("notes are a list");
    assert_eq!(ended.err, "", "what is to be noted is in the report: {notes:?}");
    report
}

/// The runs of a report: they have these names, and each has these figures.
fn runs(report: &Value, names: &[&str], figures: &[&[&str]]) -> Vec<Value> {
    let runs = report["runs"].as_array().expect("runs are a list").clone();
    let found: Vec<&str> = runs.iter().filter_map(|run| run["run"].as_str()).collect();
    assert_eq!(found, names);
    for run in &runs {
        for figure in figures.iter().copied().flatten() {
            let value = run[figure].as_f64();
            assert!(value.is_some_and(|value| value >= 0.0), "{figure}: {run}");
        }
    }
    runs
}

fn number(run: &Value, figure: &str) -> u64 {
    run[figure].as_u64().unwrap_or_else(|| panic!("{figure} is no whole number: {run}"))
}

#[test]
fn idle_tells_the_memory_of_a_session_at_several_points() {
    let report = report(&["idle", "--sessions", "60", "--checkpoints", "2", "-o", "json"]);
    assert!(number(&report, "rss_before_bytes") > 1_000_000);
    let figures = ["sessions", "rss_bytes", "bytes_per_session"];
    let runs = runs(&report, &["30", "60"], &[&figures]);
    assert_eq!(number(&runs[1], "sessions"), 60);
}

#[test]
fn idle_tells_what_is_given_back_when_sessions_come_and_go() {
    let rounds = ["idle", "--sessions", "60", "--checkpoints", "1", "--rounds", "2", "-o", "json"];
    let runs = runs(&report(&rounds), &["60", "gone, 1", "60, 2", "gone, 2"], &[&["rss_bytes"]]);
    assert_eq!(runs[3]["sessions"], 0);
}

#[test]
fn sockets_of_a_measurement_can_be_encrypted() {
    let report = report(&["idle", "--sessions", "20", "--checkpoints", "1", "--tls", "-o", "json"]);
    assert_eq!(report["transport"], "TLS");
    let ended = bench(&["idle", "--tls", "--server", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

#[test]
fn fanout_tells_the_cost_of_deliveries_beside_that_of_a_bare_send() {
    let report = report(&[&["fanout", "--sessions", "50"], &SHORT[..]].concat());
    assert!(report["ceiling_us_per_send"].as_f64().is_some_and(|us| us > 0.0), "{report}");
    assert_eq!(number(&report, "ceiling_sockets"), 50);
    let figures = ["deliveries_per_second", "server_cpu_s_per_million", "ratio_to_ceiling"];
    let names = ["one at a time", "bursts"];
    for run in runs(&report, &names, &[&figures, &SPENT, &LATENCIES]) {
        assert!(number(&run, "messages") > 0);
        assert_eq!(number(&run, "deliveries"), 50 * number(&run, "messages"));
    }
}

#[test]
fn send_keeps_to_its_rate() {
    let arguments = ["send", "--sessions", "50", "--rate", "100"];
    let report = report(&[&arguments, &SHORT[..]].concat());
    let figures = ["messages_per_second", "server_us_per_message"];
    let runs = runs(&report, &["send"], &[&figures, &SPENT, &LATENCIES]);
    // The first is due at once, and each 10 ms another one; what is late at the end is not sent.
    assert!((10..=51).contains(&number(&runs[0], "messages")), "{report}");
    assert_eq!(number(&runs[0], "deliveries"), number(&runs[0], "messages"));
}

#[test]
fn send_goes_on_while_everyone_is_sent_to() {
    let arguments = ["send", "--sessions", "50", "--rate", "100", "--everyone-rate", "20"];
    let report = report(&[&arguments, &SHORT[..]].concat());
    assert_eq!(number(&report, "everyone_per_second"), 20);
    let runs = runs(&report, &["send"], &[&["messages_per_second"], &SPENT, &LATENCIES]);
    // Those to everyone are not among them, nor can what they cost be told apart.
    assert_eq!(number(&runs[0], "deliveries"), number(&runs[0], "messages"));
    assert!(runs[0]["server_us_per_message"].is_null(), "{report}");
}

#[test]
fn session_send_delivers_once_and_with_an_echo_twice() {
    let arguments = ["session-send", "--sessions", "30", "--count", "40", "--warm-up", "100ms"];
    let report = report(&[&arguments[..], &["--rate", "200", "-o", "json"]].concat());
    let figures = ["server_us_per_message", "server_us_per_delivery"];
    let runs = runs(&report, &["echo off", "echo on"], &[&figures, &SPENT, &LATENCIES]);
    assert_eq!([&runs[0], &runs[1]].map(|run| number(run, "messages")), [40, 40]);
    assert_eq!([&runs[0], &runs[1]].map(|run| number(run, "deliveries")), [40, 80]);
}

#[test]
fn bulk_delivers_to_each_user_of_a_call() {
    let report = report(&[&["bulk", "--users", "20"], &SHORT[..]].concat());
    let figures = ["deliveries_per_second", "server_us_per_user"];
    let runs = runs(&report, &["bulk"], &[&figures, &SPENT, &LATENCIES]);
    assert!(number(&runs[0], "calls") > 0);
    assert_eq!(number(&runs[0], "deliveries"), 20 * number(&runs[0], "calls"));
}

#[test]
fn connect_lets_all_in() {
    let report = report(&[&["connect", "--outstanding", "4"], &SHORT[..]].concat());
    let figures = ["connects_per_second", "server_us_per_session"];
    let runs = runs(&report, &["connect"], &[&figures, &SPENT, &LATENCIES]);
    assert!(number(&runs[0], "connects") > 0);
    assert_eq!(number(&runs[0], "welcomed"), number(&runs[0], "connects"));
    assert_eq!(number(&runs[0], "refused"), 0);
}

#[test]
fn after_a_storm_all_are_back_without_a_call_and_have_what_they_missed() {
    let arguments = ["storm", "--sessions", "60", "--resumes-per-second", "40", "-o", "json"];
    let report = report(&arguments);
    let figures = ["resumes_per_second", "server_us_per_resume", "rss_peak_bytes"];
    let runs = runs(&report, &["storm"], &[&figures, &SPENT, &LATENCIES]);
    let told = ["resumed", "replayed", "calls"].map(|figure| number(&runs[0], figure));
    assert_eq!(told, [60, 60, 0]);
    assert!(number(&runs[0], "refused") > 0, "the gate lets 40 in at once: {report}");
}

#[test]
fn soak_does_a_bit_of_everything_and_tells_a_trend() {
    let arguments = ["soak", "--sessions", "30", "--duration", "4s", "--every", "500ms"];
    let report = report(&[&arguments[..], &["--rate", "50", "-o", "json"]].concat());
    let figures = ["rss_max_bytes", "rss_last_bytes", "messages"];
    let runs = runs(&report, &["soak"], &[&figures, &SPENT]);
    for figure in ["resumed", "replaced", "slow"] {
        assert!(number(&runs[0], figure) > 0, "{figure}: {report}");
    }
    assert!(runs[0]["rss_slope_kib_per_hour"].is_number(), "{report}");
    assert_eq!(number(&runs[0], "deliveries"), number(&runs[0], "messages"));
    let series = runs[0]["series"].as_array().expect("it is a list");
    assert!(series.len() >= 7, "{series:?}");
    assert!(series.iter().all(|look| number(look, "descriptors") > 30), "{series:?}");
}

/// Figures of whatever is done over nodes on one Redis.
const SHARED: [&str; 3] = ["redis_us_each", "redis_cpu_s", "redis_busy_percent"];

#[test]
fn over_nodes_a_message_asks_redis_once_and_sends_a_notice_to_each_node_that_has_its_user() {
    for (devices, notices) in [("1", 1.0), ("2", 2.0)] {
        let arguments = ["send", "--nodes", "3", "--sessions", "20", "--devices", devices];
        let report = report(&[&arguments[..], &["--rate", "200"], &SHORT].concat());
        assert_eq!((&report["nodes"], &report["redis"]), (&3.into(), &"own".into()));
        let figures = ["redis_rest_percent_per_node", "ceiling_set_us", "ceiling_script_us"];
        assert!(figures.iter().all(|name| report[name].as_f64().is_some()), "{report}");
        let names = ["one node", "across nodes"];
        let runs =
            runs(&report, &names, &[&["server_us_per_message"], &SHARED, &SPENT, &LATENCIES]);
        for run in &runs {
            assert_eq!(
                (run["redis_calls_each"].as_f64(), run["notices_each"].as_f64()),
                (Some(1.0), Some(notices))
            );
            let devices: u64 = devices.parse().expect("it is a number");
            assert_eq!(number(run, "deliveries"), devices * number(run, "messages"));
            let names: Vec<&Value> = run["nodes"]
                .as_array()
                .expect("it is a list")
                .iter()
                .map(|one| &one["node"])
                .collect();
            assert_eq!(names, ["n1", "n2", "n3"]);
        }
        assert!(runs[1]["added_p50_us"].is_number(), "{report}");
    }
}

#[test]
fn over_nodes_everything_arrives_once_and_in_order() {
    let nodes = ["--nodes", "2"];
    let fanout = report(&[&["fanout", "--sessions", "20"], &nodes[..], &SHORT].concat());
    for run in runs(&fanout, &["one at a time", "bursts"], &[&SHARED]) {
        assert_eq!(number(&run, "deliveries"), 20 * number(&run, "messages"));
    }
    let arguments = ["session-send", "--sessions", "30", "--rate", "200"];
    let sent = report(&[&arguments[..], &nodes, &SHORT].concat());
    for (run, each) in runs(&sent, &["echo off", "echo on"], &[&SHARED]).iter().zip([1, 2]) {
        assert_eq!(number(run, "deliveries"), each * number(run, "messages"));
    }
    let bulk = report(&[&["bulk", "--users", "20"], &nodes[..], &SHORT].concat());
    let runs = runs(&bulk, &["bulk"], &[&SHARED]);
    assert_eq!(number(&runs[0], "deliveries"), 20 * number(&runs[0], "calls"));
}

#[test]
fn where_tickets_say_the_devices_of_a_user_meet_on_one_node() {
    let report = report(&[&["placement", "--users", "20"], &SHORT[..]].concat());
    let figures = ["users_on_one_node_percent", "sends_on_one_node_percent"];
    let runs = runs(&report, &["any node", "as tickets say"], &[&figures, &SHARED, &SPENT]);
    assert!(runs[0]["notices_each"].as_f64() > Some(1.0), "{report}");
    assert_eq!(runs[1]["users_on_one_node_percent"], 100.0);
    assert_eq!(runs[1]["notices_each"], 1.0);
}

#[test]
fn when_a_node_is_killed_its_sessions_are_back_on_others_and_all_that_was_sent_arrived() {
    let arguments = ["storm", "--nodes", "3", "--sessions", "60", "--rate", "200"];
    let report = report(&[&arguments[..], &["--duration", "500ms", "-o", "json"]].concat());
    assert_eq!((number(&report, "load_processes"), number(&report, "nodes")), (1, 3));
    let names = ["all come", "all are there", "n3 is killed"];
    let runs = runs(&report, &names, &[&["seconds", "redis_cpu_s", "node_rss_max_mib"]]);
    assert_eq!(number(&runs[0], "welcomed"), 60);
    assert!(number(&runs[0], "redis_bytes_per_session") > 500, "{report}");
    for run in &runs[1..] {
        assert_eq!(number(run, "deliveries"), number(run, "messages"));
    }
    assert!(number(&runs[1], "messages") > 0, "{report}");
    assert_eq!(number(&runs[2], "resumed"), 20);
    assert!(runs[2]["all_back_seconds"].as_f64().is_some_and(|time| time > 0.0), "{report}");
    assert_eq!(runs[2]["nodes"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_given_redis_is_left_as_it_was() {
    let redis = Redis::start(&[]);
    let arguments = ["connect", "--nodes", "2", "--engine", &redis.url()];
    let connect = report(&[&arguments[..], &SHORT].concat());
    assert_eq!(connect["redis"], "given");
    let runs = runs(&connect, &["connect"], &[&SHARED]);
    assert_eq!(number(&runs[0], "welcomed"), number(&runs[0], "connects"));
    assert_eq!(redis.tell("DBSIZE"), ":0");
    // One node can share too, and its memory is told beside that of Redis.
    let arguments = ["idle", "--sessions", "40", "--checkpoints", "1", "--engine", &redis.url()];
    let idle = report(&[&arguments[..], &["-o", "json"]].concat());
    assert_eq!(idle["nodes"], 1);
    assert!(number(&idle["runs"][0], "redis_bytes_per_session") > 500, "{idle}");
    assert_eq!(redis.tell("DBSIZE"), ":0");
}

#[test]
fn what_makes_no_sense_over_nodes_is_refused_in_a_line() {
    for (arguments, told) in [
        (&["send", "--nodes", "2", "--engine", "memory:"][..], "share nothing"),
        (&["send", "--nodes", "2", "--devices", "2"], "fewer --devices than --nodes"),
        (&["placement", "--nodes", "1"], "wants several nodes"),
        (&["send", "--nodes", "2", "--server", "http://127.0.0.1:1"], "cannot be used with"),
        (&["storm", "--nodes", "2", "--tls"], "without --tls"),
        (&["soak", "--nodes", "2"], "unexpected argument '--nodes'"),
        (&["send", "--engine", "redis+cluster://a:1"], "cannot be measured"),
    ] {
        let ended = bench(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(told), "{arguments:?}: {}", ended.err);
    }
    let closed = crate::redis::free_address();
    let ended = bench(&["send", "--engine", &format!("redis://{closed}")]);
    assert_eq!(ended.code, Some(5), "{}", ended.err);
}

#[test]
fn without_a_redis_on_the_path_a_line_says_so() {
    let ended = run(usher(&["bench", "send", "--nodes", "2"]).env("PATH", "/nowhere"), "");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("redis-server is not on the PATH"), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
}

#[test]
fn the_page_has_every_benchmark_and_no_other() {
    let (_, table) = PAGE.split_once("## The benchmarks").expect("the page has a table of them");
    let (table, _) = table.split_once("\n**").expect("text follows");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let shown: Vec<&str> =
        rows.map(|(name, _)| name).filter(|name| *name != "usher bench").collect();
    let help = bench(&["--help"]).out;
    let (_, commands) = help.split_once("Commands:\n").expect("there are commands");
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.split_whitespace().next());
    assert_eq!(shown, names.filter(|name| *name != "help").collect::<Vec<_>>());
}

#[test]
fn a_table_is_for_people() {
    let ended = bench(&["bulk", "--users", "2", "--count", "3", "--warm-up", "0s"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for row in [["calls", "3"], ["delivered", "6"]] {
        let mut rows = ended.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        assert!(rows.any(|one| one == row), "{}", ended.out);
    }
    assert_eq!(ended.err, "", "nobody draws a bar into a pipe");
}

#[test]
fn a_given_server_is_measured_and_left_as_it_was() {
    let node = Node::dev();
    let (url, pid) = (format!("http://{}", node.address), node.program.id().to_string());
    let arguments = ["bulk", "--users", "5", "--server", &url, "--pid", &pid];
    let told = report(&[&arguments, &SHORT[..]].concat());
    assert_eq!(told["server"], node.address);
    runs(&told, &["bulk"], &[&SPENT]);
    assert_eq!(node.ask(&["sessions", "-o", "json"]).out.trim(), r#"{"items":[]}"#);
    // Without the number of its process its time cannot be told, and is null.
    let told = report(&[&arguments[..5], &SHORT[..]].concat());
    assert!(told["runs"][0]["server_us_per_user"].is_null(), "{told}");
    assert!(told["runs"][0]["latency_p50_us"].is_number(), "{told}");
    let ended = bench(&["idle", "--sessions", "5", "--server", &url]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let ended = bench(&["bulk", "--server", &url, "--key", "wrong"]);
    assert_eq!(ended.code, Some(4), "{}", ended.err);
}

#[test]
fn where_nobody_listens_the_exit_code_says_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    let ended = bench(&["send", "--server", &url]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(5), ""), "{}", ended.err);
}

/// Measures through a way that does this to a message; what is said of it.
fn through(fault: Fault) -> String {
    let node = Node::dev();
    let way = Tampering::start(&node.address, fault);
    let url = format!("http://{}", way.address);
    let arguments = ["send", "--sessions", "5", "--count", "30", "--warm-up", "0s"];
    let ended = bench(&[&arguments[..], &["--server", &url]].concat());
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    ended.err
}

#[test]
fn a_message_that_is_lost_on_the_way_is_an_error() {
    let told = through(Fault::Lose);
    assert!(told.contains("1 deliveries to 1 sessions are missing"), "{told}");
}

#[test]
fn a_message_that_comes_twice_is_an_error() {
    let told = through(Fault::Double);
    assert!(told.contains("which it had got before"), "{told}");
}

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("there is /proc").filter_map(|entry| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let of: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent).then_some(id)
    });
    processes.collect()
}

/// Starts a measurement that goes on and on, and waits until so many processes are there for it.
fn started(arguments: &[&str], count: usize) -> (Program, Vec<u32>) {
    let arguments = [&["bench"], arguments, &["--duration", "1h"]].concat();
    let program = Program::start(&mut usher(&arguments));
    until("all are started", || children(program.id()).len() == count);
    let started = children(program.id());
    (program, started)
}

fn is_there(process: u32) -> bool {
    fs::exists(format!("/proc/{process}")).expect("it can be looked for")
}

#[test]
fn who_is_told_to_stop_takes_all_along_that_was_started() {
    // Beside nodes and Redis there is a guard.
    for (arguments, count) in [(&["soak"][..], 2), (&["send", "--nodes", "2"], 4)] {
        let (program, started) = started(arguments, count);
        program.terminate();
        let ended = program.end();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert!(!started.into_iter().any(is_there));
    }
}

#[test]
fn who_is_killed_leaves_nothing_running() {
    let (program, started) = started(&["send", "--nodes", "2", "--sessions", "100"], 4);
    let files = || fs::read_dir(format!("/proc/{}/fd", program.id())).expect("it runs").count();
    // By the time of its first sessions it has noted all that it started.
    until("sessions come", || files() >= 100);
    program.signal("KILL");
    program.end();
    let runs = |one: &u32| is_there(*one) && !is_dead(*one);
    until("nothing runs", || !started.iter().any(runs));
}

/// Whether a process has ended, and nobody has asked yet how.
fn is_dead(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}
