//! UTC: times as people read them. What time it is where they are would take a table of zones.

use protocol::time::Timestamp;

/// A time to the second, as in `2026-11-25T10:18:51Z` (RFC 3339).
pub(crate) fn text(at: Timestamp) -> String {
    let seconds = at.0 / 1000;
    let (year, month, day) = date(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{}Z", of_day(at))
}

/// The time of day alone.
pub(crate) fn of_day(at: Timestamp) -> String {
    let seconds = at.0 / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day, so many days after 1970 began.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March, so that the odd day is the last, in rounds of 400 years, all of
    // which have as many days. The first of them began 719,468 days before 1970.
    let days = days + 719_468;
    let (round, day_of_round) = (days / 146_097, days % 146_097);
    let leap_days = day_of_round / 1460 - day_of_round / 36_524 + day_of_round / 146_096;
    let year_of_round = (day_of_round - leap_days) / 365;
    let before = 365 * year_of_round + year_of_round / 4 - year_of_round / 100;
    let day_of_year = day_of_round - before;
    // March to January have 153 days in every five months.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (round * 400 + year_of_round + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_740_787_199, "2025-02-28T23:59:59Z"),
            (1_740_787_200, "2025-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(text(Timestamp(seconds * 1000 + 999)), expected);
        }
    }
}
