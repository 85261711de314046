//! The catalogue as a golden table.

use expect_test::expect;

use super::{Advice, CloseCode};

#[test]
fn each_close_code_has_a_number_a_name_and_advice() {
    let table: String = CloseCode::ALL
        .iter()
        .map(|code| format!("{} {} {:?}\n", code.number(), code.name(), code.advice()))
        .collect();
    expect![[r#"
        4000 drain Resume
        4001 slow Resume
        4002 no-pong Resume
        4003 overloaded Resume
        4200 ticket-expired NewTicket
        4201 ticket-spent NewTicket
        4202 cannot-resume NewTicket
        4203 too-old NewTicket
        4204 ticket-unknown NewTicket
        4205 taken-over NewTicket
        4400 protocol-error Stop
        4401 ticket-missing Stop
        4403 forbidden Stop
        4409 replaced Stop
        4410 closed-by-backend Stop
        4423 limit-reached Stop
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_number_finds_its_code_again() {
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::from_number(code.number()), Some(*code));
    }
    assert_eq!(CloseCode::from_number(1000), None);
}

#[test]
fn a_number_alone_says_what_to_do_known_or_not() {
    for (numbers, advice) in [
        (&[4000, 4077, 4199][..], Advice::Resume),
        (&[0, 1000, 1001, 1005, 1006, 1011, 1012, 3000, 3999, 5000], Advice::Resume),
        (&[4200, 4277, 4399, 1002, 1003, 1007, 1008, 1009], Advice::NewTicket),
        (&[4400, 4477, 4999], Advice::Stop),
    ] {
        for number in numbers {
            assert_eq!(Advice::of(*number), advice, "{number}");
        }
    }
}
