//! The checker, on logs that were made by hand: for each invariant one that keeps it, and one that
//! does not.
//!
//! A log here is lines of words: when, and what. `tale` makes entries of them.

mod tale;

use self::tale::{blames, fine};

/// What most logs begin with: alice is at n0 from 1,000 on.
const ALICE: &str = "
    0 terms
    900 minted T alice multi
    910 dial 1 alice n0 ticket T
    1000 welcome 1 S alice n0 new 1.1 R
";

fn after_alice(rest: &str) -> String {
    format!("{ALICE}{rest}")
}

/// Judges only by the rules that end with a run that is over.
fn good(rest: &str) {
    fine(&after_alice(rest));
}

fn bad(of: &str, rest: &str) {
    blames(of, &after_alice(rest));
}

#[test]
fn i1_a_ticket_lets_in_once() {
    good("1010 dial 2 alice n1 ticket T\n1020 closed 2 4201");
    bad("I1", "1010 dial 2 alice n1 ticket T\n1020 welcome 2 S2 alice n1 new 1.1 R2");
}

#[test]
fn i2_a_ticket_is_for_its_user_its_page_and_its_time() {
    good("1010 dial 2 bob n1 ticket U\n1011 trespass 2 expired\n1020 closed 2 4200");
    bad(
        "I2",
        "1010 dial 2 bob n1 ticket U\n1011 trespass 2 origin\n1020 welcome 2 S2 bob n1 new 1.1 R2",
    );
    bad(
        "I2",
        "1010 minted U carol multi\n1020 dial 2 bob n1 ticket U\n1030 welcome 2 S2 bob n1 new 1.1 R2",
    );
    // Tickets in these logs end at 30,000.
    bad(
        "I2",
        "1010 minted U bob multi\n32100 dial 2 bob n1 ticket U\n32200 welcome 2 S2 bob n1 new 1.1 R2",
    );
}

/// Bob has one place, at n0, and comes to n1.
const BOB: &str = "
    0 terms
    900 minted T bob single
    910 dial 1 bob n0 ticket T
    1000 welcome 1 S bob n0 new 1.1 R
    1100 minted U bob single
    1110 dial 2 bob n1 ticket U
    1200 welcome 2 S2 bob n1 new 1.1 R2
";

#[test]
fn i3_one_place_is_held_by_one() {
    let bob = |rest: &str| format!("{BOB}{rest}");
    fine(&bob("1300 closed 1 4409\n1400 list S2=bob@n1"));
    blames("I3a", &bob("1300 closed 1 4409\n1400 list S=bob@n0 S2=bob@n1"));
    // What was on its way is nobody's fault, what was sent long after is.
    fine(&bob("1300 sends p 1 bob\n1310 accepted p 1 M 1.2\n1320 gets 1 M p 1 bob 1.2"));
    blames("I3b", &bob("9300 sends p 1 bob\n9310 accepted p 1 M 1.2\n9320 gets 1 M p 1 bob 1.2"));
}

#[test]
fn i3_whoever_keeps_the_place_is_not_replaced_and_keeps_nobody_out_when_gone() {
    let one = "
        0 terms
        900 minted T bob reject
        910 dial 1 bob n0 ticket T
        1000 welcome 1 S bob n0 new 1.1 R
    ";
    fine(&format!("{one}2000 dial 2 bob n1 ticket U\n2100 closed 2 4423"));
    blames("I3c", &format!("{one}2000 closed 1 4409"));
    let frozen = "1100 fault node-frozen begins n0\n1900 fault node-frozen over n0\n";
    let parked = "2000 closed 1 -\n3000 dial 2 bob n1 token R 1.1\n3100 closed 2 4409";
    fine(&format!("{one}{parked}"));
    fine(&format!("{one}{frozen}1950 dial 2 bob n1 ticket U\n2000 closed 1 4409"));
    fine(&format!("{one}2000 closed 1 -\n3000 dial 2 bob n1 ticket U\n3100 closed 2 4423"));
    blames(
        "I3c",
        &format!("{one}2000 closed 1 -\n20000 dial 2 bob n1 ticket U\n20100 closed 2 4423"),
    );
}

#[test]
fn i4_what_was_accepted_comes_or_a_gap_is_told() {
    let two = "
        1100 sends p 1 alice
        1110 accepted p 1 M1 1.2
        1200 sends p 2 alice
        1210 accepted p 2 M2 1.3
    ";
    good(&format!("{two}1300 gets 1 M1 p 1 alice 1.2\n1310 gets 1 M2 p 2 alice 1.3"));
    bad("I4", &format!("{two}1310 gets 1 M2 p 2 alice 1.3"));
    // Redis came back without its past, and that was told.
    let lost = "1250 fault redis-emptied begins\n1260 fault redis-emptied over";
    good(&format!("{two}{lost}\n1310 gap 1 1.1 2.1 epoch"));
    bad("I4", &format!("{two}1310 gap 1 1.1 2.1 epoch"));
    bad("I4", &format!("{two}{lost}\n1310 gap 1 1.1 1.3 overflow"));
    bad("I4", &format!("{two}{lost}\n1305 gets 1 M1 p 1 alice 1.2\n1310 gap 1 1.3 2.1 epoch"));
    // Who is there when the run is over has all.
    bad("I4", &format!("{two}1300 gets 1 M1 p 1 alice 1.2\n40000 healed\n70000 over"));
    // It had its place before, from a try whose answer was lost.
    fine(&format!(
        "800 sends p 1 alice\n810 unknown p 1\n{}1100 sends p 1 alice\n1110 accepted p 1 M 1.1\n\
         1120 caught-up 1 1.3",
        ALICE.trim_start()
    ));
    // What nobody matched was for nobody.
    good("1100 sends p 1 alice\n1110 accepted p 1 M1 1.2 0\n1310 caught-up 1 1.3");
}

#[test]
fn i4_a_gap_needs_a_server_that_may_have_lost_something() {
    let gap =
        "2000 fault redis-slept begins\n2100 fault redis-slept over\n2200 gap 1 1.1 2.1 epoch";
    let on = |shape: &str| ALICE.replace("terms", &format!("terms {shape}")) + gap;
    fine(&on("sentinel"));
    fine(&on("cluster"));
    blames("I4", &on("redis"));
    blames("I4", &on("servers"));
    let slot = "2000 fault slot-moved begins\n2100 fault slot-moved over\n2200 gap 1 1.1 2.1 epoch";
    blames("I4", &(ALICE.replace("terms", "terms cluster") + slot));
}

#[test]
fn i5_what_comes_was_sent_and_is_whole_and_theirs() {
    good("1100 sends p 1 alice\n1200 gets 1 M p 1 alice 1.2");
    bad("I5", "1200 gets 1 M p 1 alice 1.2");
    bad("I5", "1100 sends p 1 bob\n1200 gets 1 M p 1 bob 1.2");
    bad("I5", "1100 sends p 1 alice damaged\n1200 gets 1 M p 1 alice 1.2");
    bad("I5", "1200 strange 1");
}

#[test]
fn i6_positions_grow_and_mean_one_message() {
    let two = "1100 sends p 1 alice\n1110 sends p 2 alice\n";
    good(&format!("{two}1200 gets 1 M1 p 1 alice 1.2\n1210 gets 1 M2 p 2 alice 1.3"));
    bad("I6", &format!("{two}1200 gets 1 M1 p 1 alice 1.3\n1210 gets 1 M2 p 2 alice 1.2"));
    bad("I6", &format!("{two}1200 gets 1 M1 p 1 alice 1.2\n1210 gets 1 M1 p 1 alice 1.2"));
    bad("I6", &format!("{two}1150 accepted p 1 M1 1.2\n1200 gets 1 M2 p 2 alice 1.2"));
}

#[test]
fn i7_a_key_is_one_message() {
    let again = "1100 sends p 1 alice\n1110 unknown p 1\n1120 sends p 1 alice\n";
    good(&format!("{again}1130 accepted p 1 M 1.2\n1140 gets 1 M p 1 alice 1.2"));
    bad("I7", &format!("{again}1130 accepted p 1 M 1.2\n1140 gets 1 N p 1 alice 1.3"));
    let emptied = "1112 fault redis-emptied begins\n1115 fault redis-emptied over\n";
    let again = again.replace("1120", &format!("{emptied}1120"));
    good(&format!("{again}1130 accepted p 1 M 2.2\n1140 gets 1 N p 1 alice 2.3"));
    good("1100 misused p-1 422");
    bad("I7", "1100 misused p-1 200");
}

#[test]
fn i8_a_resume_is_the_same_session_from_the_same_place() {
    let lost = "2000 closed 1 -\n2100 dial 2 alice n1 token R 1.1\n";
    good(&format!("{lost}2200 welcome 2 S alice n1 resumed 1.1 R2"));
    bad("I8", &format!("{lost}2200 welcome 2 S2 alice n1 resumed 1.1 R2"));
    bad("I8", &format!("{lost}2200 welcome 2 S alice n1 resumed 1.7 R2"));
    bad("I8", &format!("{lost}2200 closed 2 4202"));
    good("2000 closed 1 -\n60000 dial 2 alice n1 token R 1.1\n60100 closed 2 4202");
    let back = format!("{lost}2200 welcome 2 S alice n1 resumed 1.1 R2\n");
    good(&format!(
        "{back}2300 dial 3 alice n2 token R 1.1\n2310 trespass 3 superseded\n2400 closed 3 4202"
    ));
    bad(
        "I8",
        &format!(
            "{back}2300 dial 3 alice n2 token R 1.1\n2310 trespass 3 superseded\n\
             2400 welcome 3 S alice n2 resumed 1.1 R3"
        ),
    );
}

#[test]
fn i9_registry_and_sockets_agree_in_peace() {
    let peace = "0 started n0\n";
    good(&format!("{peace}30000 list S=alice@n0\n40000 healed"));
    bad("I9", &format!("{peace}30000 list\n40000 healed"));
    bad("I9", &format!("{peace}30000 list S=alice@n1\n40000 healed"));
    good(&format!("{peace}28000 dozes 1 6000\n30000 list S=alice@-\n40000 healed"));
    bad("I9", &format!("{peace}12000 dozes 1 6000\n30000 list S=alice@-\n40000 healed"));
    // Not in peace.
    good(&format!(
        "{peace}25000 fault node-killed begins\n30000 list\n31000 fault node-killed over\n40000 healed"
    ));
    good(&format!("{peace}25000 closed 1 -\n30000 list S=alice@-\n40000 healed"));
    bad("I9", &format!("{peace}25000 closed 1 -\n30000 list S=alice@n0\n40000 healed"));
    bad("I9", &format!("{peace}25000 closed 1 -\n70000 list S=alice@-\n80000 healed"));
    // Nobody is ended for nothing.
    for code in [4202, 4205, 4403, 4409, 4410] {
        bad("I9", &format!("2000 closed 1 {code}"));
    }
    good("1900 kicking S\n2000 closed 1 4410");
    let back = "1500 dial 2 alice n1 token R 1.1\n1600 welcome 2 S alice n1 resumed 1.1 R2\n";
    good(&format!("{back}2000 closed 1 4202"));
    bad("I9", &format!("{back}2000 closed 2 4202"));
    good("2000 closed 1 4000");
}

#[test]
fn i10_a_socket_whose_session_is_elsewhere_is_void() {
    let frozen = "
        2000 fault node-frozen begins n0
        8000 dial 2 alice n1 token R 1.1
        8100 welcome 2 S alice n1 resumed 1.1 R2
        12000 fault node-frozen over n0
    ";
    good(&format!("{frozen}12500 closed 1 4205\n40000 healed"));
    bad("I10", &format!("{frozen}17500 closed 1 4205\n40000 healed"));
    let late = "17000 sends p 1 alice\n17010 accepted p 1 M 1.2\n17020 gets 1 M p 1 alice 1.2\n";
    bad("I10", &format!("{frozen}{late}"));
    let says = "17000 says 1 q 1 bob\n17010 accepted q 1 M 1.2\n";
    bad("I10", &format!("{frozen}{says}"));
    good(&format!("{frozen}12500 closed 1 4205\n17000 says 2 q 1 bob\n17010 accepted q 1 M 1.2\n"));
}

#[test]
fn i11_a_kick_and_a_block_are_final() {
    let kicked = "2000 kicking S\n2100 kicked S\n";
    let late = "6000 sends p 1 alice\n6010 accepted p 1 M 1.2 0\n6020 gets 1 M p 1 alice 1.2\n";
    good(&format!(
        "{kicked}2110 closed 1 4410\n2200 dial 2 alice n1 token R 1.1\n2300 closed 2 4410"
    ));
    bad("I11", &format!("{kicked}{late}"));
    bad(
        "I11",
        &format!(
            "{kicked}2200 dial 2 alice n1 token R 1.1\n2300 welcome 2 S alice n1 resumed 1.1 R2"
        ),
    );
    let blocked = "2000 blocking alice\n2100 blocked alice\n2110 closed 1 4403\n2200 dial 2 alice n1 ticket U\n";
    good(&format!("{blocked}2300 closed 2 4403\n2400 unblocking alice"));
    bad("I11", &format!("{blocked}2300 welcome 2 S2 alice n1 new 1.1 R2\n2400 unblocking alice"));
    good(&format!("{blocked}2290 unblocking alice\n2300 welcome 2 S2 alice n1 new 1.1 R2"));
}

#[test]
fn i12_a_node_that_goes_away_says_so_and_is_gone() {
    let told = "2000 told n0\n";
    let closed = "2100 closing 1 4000\n3000 closed 1 4000\n";
    good(&format!("{told}{closed}5000 exited n0 0 ours"));
    bad("I12", &format!("{told}{closed}5000 exited n0 - ours"));
    bad("I12", &format!("{told}{closed}20000 exited n0 0 ours"));
    bad("I12", &format!("{told}3000 closed 1 4000\n5000 exited n0 0 ours"));
    let comes =
        "6500 dial 2 bob n0 ticket U\n6600 welcome 2 S2 bob n0 new 1.1 R2\n7000 exited n0 0 ours";
    bad("I12", &format!("{told}{closed}{comes}"));
    bad("I12", &format!("{told}{closed}5000 exited n0 0 ours\n9000 list S=alice@n0"));
}

#[test]
fn i13_whoever_was_on_a_node_that_died_is_soon_back() {
    let killed = "
        2000 fault node-killed begins n0
        2010 closed 1 -
        2900 fault node-killed over n0
        3000 dial 2 alice n1 token R 1.1
    ";
    good(&format!("{killed}4000 welcome 2 S alice n1 resumed 1.1 R2"));
    bad("I13", &format!("{killed}19000 welcome 2 S alice n1 resumed 1.1 R2"));
    // Two at once are one too many where a node may take one a second, and one that it saved up.
    let crowd = |ms: u64| {
        let back = |n: u64| {
            format!(
                "{} dial {n} u n1 token X{n} 1.1\n{} welcome {n} V{n} u n1 resumed 1.1 Y{n}\n",
                10_000 + n,
                10_010 + n * ms
            )
        };
        format!("0 terms 1\n{}", (1..=3).map(back).collect::<String>())
    };
    fine(&crowd(600));
    blames("I13", &crowd(10));
}

#[test]
fn i16_a_node_without_its_engine_takes_nothing() {
    let cut = "
        2000 fault partition begins n0
        2010 fault partition holds n0
        5000 fault partition mends n0
        5100 fault partition over n0
    ";
    let with = |lines: &str| {
        let mut all: Vec<&str> = cut.lines().chain(lines.lines()).collect();
        let at = |line: &&str| line.split_whitespace().next().and_then(|at| at.parse::<u64>().ok());
        all.sort_by_key(at);
        all.join("\n")
    };
    good(&with("3000 sends p 1 nobody n0\n3100 refused p 1"));
    good(&with("3000 sends p 1 nobody n1\n3100 accepted p 1 M 1.2 0"));
    bad("I16", &with("3000 sends p 1 nobody n0\n3100 accepted p 1 M 1.2 0"));
    // Another server takes over from one that is killed, and is not asked of where there is none.
    let killed = cut.replace("partition", "redis-killed").replace(" n0", "");
    let accepts = "3000 sends p 1 nobody n1\n3100 accepted p 1 M 1.2 0\n";
    let on = |shape: &str| {
        let (before, after) = killed.split_at(killed.find("5000").expect("it is there"));
        format!("0 terms {shape}{before}{accepts}{after}")
    };
    blames("I16", &on("redis"));
    fine(&on("sentinel"));
    fine(&on("servers"));
    bad("I16", &with("3000 dial 2 bob n0 ticket U\n3100 welcome 2 S2 bob n0 new 1.1 R2"));
}

#[test]
fn i17_no_node_panics_or_ends_by_itself() {
    good("2000 exited n0 - ours");
    bad("I17", "2000 exited n0 101 itself");
    bad("I17", "2000 cried n0");
}

#[test]
fn i18_what_was_refused_never_comes() {
    let refused = "1100 sends p 1 alice\n1110 refused p 1\n";
    good(refused);
    bad("I18", &format!("{refused}1200 gets 1 M p 1 alice 1.2"));
    // Nobody knows of one try.
    good(&format!("{refused}1120 sends p 1 alice\n1130 unknown p 1\n1200 gets 1 M p 1 alice 1.2"));
}

#[test]
fn i19_when_all_is_over_everybody_is_in_and_has_all() {
    let calm = "2000 trying alice alice\n2000 healed\n";
    let last = "3000 sends p last alice\n3100 accepted p last M 1.2\n";
    fine(&after_alice(&format!("{calm}{last}3200 gets 1 M p last alice 1.2\n40000 over")));
    bad("I19", &format!("{calm}{last}40000 over"));
    bad("I19", &format!("{calm}3000 closed 1 -\n40000 over"));
    bad("I19", &format!("{calm}3000 sends p last alice\n3100 unknown p last\n40000 over"));
    let late = "1500 closed 1 -\n35000 dial 2 alice n1 token R 1.1\n36000 welcome 2 S alice n1 resumed 1.1 R2\n";
    bad("I19", &format!("{calm}{late}40000 over"));
    let lost = |accepted: &str| {
        format!(
            "0 terms servers\n1000 fault redis-lost begins\n1010 fault redis-lost holds\n{accepted}
            8000 fault redis-lost mends\n8100 fault redis-lost over\n9000 healed\n9100 over"
        )
    };
    fine(&lost("2000 sends p 1 alice\n2010 accepted p 1 M 1.2"));
    blames("I19", &lost("2000 sends p 1 alice\n2010 refused p 1"));
}
