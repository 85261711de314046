//! What would be typed, per system and user.

use super::{FUZZER_TOOLS, Installer, TOOLS, Tool, User, line};

fn check(installer: Installer, user: User, expected: &str) {
    let missing: Vec<&Tool> = TOOLS.iter().take(2).collect();
    assert_eq!(line(&installer.commands(&missing, user)), expected);
}

#[test]
fn each_system_has_its_line() {
    check(
        Installer::Apt,
        User::Plain,
        "sudo env DEBIAN_FRONTEND=noninteractive apt-get update && \
         sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
         python3 python3-venv curl",
    );
    check(Installer::Dnf, User::Plain, "sudo dnf install -y python3 curl");
    check(Installer::Apk, User::Root, "apk add --no-cache python3 curl");
    check(Installer::Brew, User::Plain, "brew install python3 curl");
}

#[test]
fn each_tool_says_what_it_is_for_and_has_a_package_everywhere() {
    for tool in TOOLS.iter().chain(FUZZER_TOOLS) {
        assert!(!tool.why.is_empty() && !tool.probes.is_empty(), "{}", tool.name);
        for installer in Installer::ALL {
            assert!(!installer.packages(tool).is_empty(), "{}: {installer:?}", tool.name);
        }
    }
}
