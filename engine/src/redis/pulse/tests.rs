//! How long silence is waited for, on virtual time.

use std::future::pending;

use tokio::time::{Instant, sleep};

use super::*;

const MOST: Duration = Duration::from_secs(5);

/// How long something that never comes is waited for, when other things come each `every` until
/// `until`.
async fn waited(every: Duration, until: Duration) -> Duration {
    let (pulse, start) = (Pulse::default(), Instant::now());
    let beats = async {
        while start.elapsed() < until {
            sleep(every).await;
            pulse.beat();
        }
        pending().await
    };
    tokio::select! {
        () = beats => unreachable!("it has no end"),
        came = pulse.carries(MOST, pending::<()>()) => assert_eq!(came, None),
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_after_a_second() {
    assert_eq!(waited(MOST, Duration::ZERO).await.as_millis(), 1000);
    let until = waited(Duration::from_millis(100), Duration::from_millis(1100)).await;
    assert!(until < Duration::from_millis(2500), "{until:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_waited_for_while_anything_comes_and_not_for_ever() {
    assert_eq!(waited(Duration::from_millis(900), MOST * 2).await, MOST);
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_had_at_once() {
    let (pulse, start) = (Pulse::default(), Instant::now());
    let late = sleep(Duration::from_millis(300));
    assert_eq!(pulse.carries(MOST, late).await, Some(()));
    assert_eq!(start.elapsed().as_millis(), 300);
}
