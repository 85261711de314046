//! Durations and sizes: what is read, and that what is written is read back.

use super::super::unit::Unit;

#[track_caller]
fn check(unit: Unit, text: &str, expected: Option<u64>) {
    assert_eq!(unit.parse(text), expected, "{text}");
}

#[test]
fn durations_have_units_from_long_to_short() {
    check(Unit::Millis, "250ms", Some(250));
    check(Unit::Millis, "30s", Some(30_000));
    check(Unit::Millis, "1m30s", Some(90_000));
    check(Unit::Millis, "1d2h3m4s5ms", Some(93_784_005));
    check(Unit::Millis, "90m", Some(5_400_000));
    check(Unit::Millis, "0s", Some(0));
    for wrong in
        ["", "30", "s", "30 s", "30S", "1.5s", "-1s", "+1s", "1s1m", "1s1s", "1w", "30s ", "1m30"]
    {
        check(Unit::Millis, wrong, None);
    }
    check(Unit::Millis, "99999999999999999999s", None);
    check(Unit::Millis, "213503982335d", None);
}

#[test]
fn sizes_have_one_unit_or_none() {
    check(Unit::Bytes, "512B", Some(512));
    check(Unit::Bytes, "64KiB", Some(65_536));
    check(Unit::Bytes, "1MiB", Some(1_048_576));
    check(Unit::Bytes, "2GiB", Some(2_147_483_648));
    check(Unit::Bytes, "1000", Some(1000));
    for wrong in ["", "KiB", "64KB", "64kib", "64 KiB", "1.5MiB", "-1", "1KiB1B", "99999999999GiB"]
    {
        check(Unit::Bytes, wrong, None);
    }
}

#[test]
fn what_is_written_is_read_back() {
    for number in (0..200_000).step_by(37).chain([86_400_000, 90_061_001, 1 << 40, u64::MAX]) {
        for unit in [Unit::Millis, Unit::Bytes, Unit::Count] {
            check(unit, &unit.format(number), Some(number));
        }
    }
    assert_eq!(Unit::Millis.format(90_000), "1m30s");
    assert_eq!(Unit::Bytes.format(80 * 1024), "80KiB");
    assert_eq!(Unit::Bytes.format(0), "0B");
}
