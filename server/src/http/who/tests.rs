//! Who finds what where: all kinds of callers, at all kinds of addresses.

use expect_test::expect;

use super::Who;
use crate::door::Entrance;

#[test]
fn every_kind_of_call_is_where_its_callers_are() {
    const ALL: [Who; 6] =
        [Who::Anybody, Who::Dev, Who::Ticket, Who::Reader, Who::Backend, Who::Monitor];
    let mut table = String::new();
    for who in ALL {
        let at = |entrance| match (who.is_at(entrance), who.wants(entrance)) {
            (false, _) => "nowhere".to_owned(),
            (true, None) => "no key".to_owned(),
            (true, Some(scope)) => format!("a {} key", scope.name()),
        };
        let (whole, public, api) = (at(Entrance::Whole), at(Entrance::Public), at(Entrance::Api));
        let who = format!("{who:?}");
        table += &format!("{who:8} whole: {whole}, public: {public}, API: {api}\n");
    }
    expect![[r#"
        Anybody  whole: no key, public: no key, API: no key
        Dev      whole: no key, public: no key, API: nowhere
        Ticket   whole: no key, public: no key, API: nowhere
        Reader   whole: a read key, public: nowhere, API: a read key
        Backend  whole: a full key, public: nowhere, API: a full key
        Monitor  whole: a read key, public: nowhere, API: no key
    "#]]
    .assert_eq(&table);
}
