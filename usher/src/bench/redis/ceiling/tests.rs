//! Tests of what the tool says.

use super::per_second;

#[test]
fn the_rate_is_found_whatever_the_command_is_called() {
    let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
        \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
        \"SET a\"b,c xxx\",\"37037.04\",\"0.091\",\"0.008\",\"0.039\",\"0.359\",\"0.423\",\"0.743\"\n";
    assert_eq!(per_second(csv), Some(37037.04));
    assert_eq!(per_second("Could not connect"), None);
}
