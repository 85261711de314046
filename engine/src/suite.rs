//! Suite: the contract as tests, a function for each sentence of it.
//!
//! What an engine brings is a [`Rig`]: how to start nodes on it, and how to let its time pass. The
//! line `suite!(make)` then makes a test of each function here, so that an engine lists nothing and
//! forgets nothing. Where an engine must come to the same decision as the kernel (who yields, who
//! gets a message), both are asked the same random cases, and where its time can be held still,
//! random steps are compared with the kernel's registry one by one.
//!
//! Each test has an engine of its own. Random ones print their seeds first; `USHER_SUITE_SEED`
//! replays one.
//!
//! Not here: what an engine promises beyond the contract.

pub mod model;
pub mod race;
pub mod room;
pub mod keys;
pub mod blocks;
pub mod probes;
pub mod lists;
pub mod life;
pub mod streams;
pub mod delivery;
pub mod resume;
pub mod admission;
pub mod tickets;
mod stage;
mod dice;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use kernel::{
    message::NodeRef,
    registry::{Ended, Terms},
};
use protocol::{http::Durability, partition::Partition, time::Timestamp};

use crate::{contract::Engine, mailbox::Mailbox};

/// Tests that share what is under their engine, at a time.
pub const AT_ONCE: usize = 6;

/// One node of a test.
#[derive(Debug)]
pub struct Node {
    /// Its way to the engine.
    pub engine: Arc<dyn Engine>,
    /// Itself.
    pub me: Arc<NodeRef>,
    /// The mailboxes of its shards.
    pub shards: Vec<Mailbox>,
}

/// Sweeps at once, so that a test waits for an engine's answers and not for each of them.
const SWEEPS: usize = 32;

impl Node {
    /// Sweeps until everything was come past.
    pub async fn sweep(&self) -> Vec<Ended> {
        let sweeps = stream::iter(Partition::all().map(|_| self.engine.sweep()));
        let swept: Vec<_> = sweeps.buffer_unordered(SWEEPS).collect().await;
        swept.into_iter().flat_map(|ended| ended.expect("sweeps are done")).collect()
    }
}

/// A new engine, that one test has for itself.
#[async_trait]
pub trait Rig: Send + Sync {
    /// How many nodes can share it; one at least.
    fn nodes(&self) -> usize;

    /// Starts one of them.
    async fn start(&self, name: &str) -> Node;

    /// Lets that much of the engine's time pass, or a little more.
    async fn pass(&self, time: Duration);

    /// The longest that [`Rig::pass`] can take; tests that need more are left out.
    fn patience(&self) -> Duration;

    /// Returns when envelopes that are on their way have arrived.
    async fn arrive(&self);

    /// What the engine keeps to. Windows are whole milliseconds, and such that `pass` can take a
    /// few of each.
    fn terms(&self) -> Terms;

    /// What [`Engine::durability`] must say.
    fn durability(&self) -> Durability;

    /// The engine's time, if that stands still but for [`Rig::pass`].
    fn clock(&self) -> Option<Timestamp>;

    /// How many envelopes a mailbox takes before messages are refused, if an engine asks for room.
    fn mailbox(&self) -> Option<usize>;
}

/// Makes tests of the whole contract for the engine that `make` (an `async fn() -> impl Rig` of the
/// module around) brings.
#[macro_export]
macro_rules! suite {
    ($make:ident) => {
        $crate::suite! { each $make }
    };
    // The same as one test, for engines that take long to start: `start` starts one, on which
    // `make` (an `async fn(Arc<_>) -> impl Rig`) makes room for one test among others.
    (at_once $start:ident $make:ident) => {
        $crate::suite! { at_once [$start $make] }
    };
    ($how:ident $make:tt) => {
        $crate::suite! { $how $make:
            tickets {
                a_ticket_opens_one_session
                another_attempt_with_a_spent_ticket_is_refused
                the_same_attempt_gets_the_same_session_while_that_stands
                of_many_attempts_at_once_one_gets_a_session
                an_attempt_repeated_at_once_gets_one_session
                an_attempt_that_is_withdrawn_leaves_nothing
                a_ticket_ends_when_it_was_said_to
                a_ticket_that_never_was_is_unknown
                a_ticket_is_forgotten_after_its_memory
                a_page_must_be_the_tickets_own_or_an_allowed_one
                a_ticket_goes_on_from_a_known_position
                a_ticket_with_a_position_that_never_was_gets_a_gap
            }
            admission {
                who_yields_is_what_the_kernel_decides
                a_user_has_a_bounded_number_of_sessions_whatever_the_policy
                a_refused_attempt_spends_nothing
                a_replaced_session_is_told_by_whom
                a_parked_session_yields_without_a_word
                a_replaced_session_stays_out
                a_session_past_its_window_holds_no_place
                messages_after_an_admission_are_for_the_new_session_too
                users_do_not_count_for_each_other
                fences_grow
            }
            resume {
                a_parked_session_resumes_on_any_node
                what_was_missed_can_be_read_after_a_resume
                the_token_rotates
                the_old_token_is_good_until_the_new_one_has_arrived
                a_stale_welcome_voids_no_token
                the_same_resume_tried_again_is_answered_again
                a_resume_that_is_withdrawn_is_parked
                a_socket_that_is_taken_over_is_told_at_its_node
                a_resume_is_not_asked_for_the_policy
                a_resume_needs_the_origin_again
                a_resume_after_the_window_is_refused
                a_session_that_is_too_old_is_not_resumed
                an_end_code_is_kept_one_window_and_then_forgotten
                a_token_that_never_was_is_refused
            }
            delivery {
                who_gets_a_message_is_what_the_kernel_says
                a_message_arrives_as_it_was_accepted
                a_message_to_nobody_takes_no_position
                positions_grow
                one_envelope_goes_to_each_node_that_has_a_target
                live_and_parked_targets_are_counted
                a_volatile_message_is_not_kept
                the_choice_of_active_stays_with_the_message
                durability_is_told
            }
            streams {
                a_stream_is_read_on_in_pages
                a_page_has_one_message_at_least
                a_message_whose_time_is_over_is_not_read_and_is_no_gap
                messages_beyond_the_bound_are_a_gap
                bytes_beyond_the_bound_are_a_gap
                a_position_that_was_never_given_is_a_gap
                a_stream_is_kept_longer_than_the_window
                a_stream_outlives_its_sessions_for_a_while
                a_user_who_was_forgotten_comes_back_with_a_greater_epoch
                who_lost_its_place_reads_nothing_more
                a_stream_that_is_not_there_is_never_read_as_empty
            }
            life {
                a_session_departs_once
                what_a_stale_admission_says_does_nothing
                the_backend_ends_one_session
                the_backend_ends_a_users_sessions_but_one
                nobody_is_ended_twice
                a_touch_shows
                a_sweep_leaves_what_stands
                a_sweep_ends_parked_sessions_after_their_window
                a_sweep_ends_what_is_too_old_and_tells_its_node
                the_last_session_that_a_sweep_ends_is_told_as_such
            }
            lists {
                a_session_is_shown_as_it_is
                a_users_sessions_are_listed_oldest_first
                a_list_gives_each_session_once
                a_list_gives_each_session_once_while_others_come_and_go
                a_list_goes_on_after_a_session_that_is_gone
            }
            probes {
                a_session_that_answers_keeps_its_place
                a_session_that_does_not_answer_yields
                a_session_is_asked_once_at_a_time
            }
            blocks {
                a_blocked_user_is_ended_and_kept_out
                a_block_ends_when_it_was_said_to
                blocks_are_listed_each_once
                who_is_there_is_counted
                a_parked_session_is_kept_for_those_who_are_told_to_come_later
            }
            keys {
                the_same_message_is_accepted_once
                of_the_same_message_sent_at_once_one_is_accepted
                another_message_under_a_key_is_refused
                a_key_is_forgotten_in_time
                of_what_a_users_sessions_send_the_last_is_known
                a_call_to_many_is_known_by_its_key
                a_message_to_everyone_reaches_each_shard_once
                a_message_to_everyone_is_refused_where_too_many_wait
            }
            room {
                a_message_without_room_is_not_numbered
                an_admission_that_cannot_tell_is_not_done
                an_end_that_cannot_be_told_is_not_done
                a_sweep_waits_for_room
            }
            race {
                envelopes_come_in_the_order_of_their_positions
                one_place_is_never_held_by_two
                one_place_is_given_to_one_of_those_who_may_not_replace
                the_replaced_are_told_before_later_messages
                a_late_word_of_the_old_socket_does_not_park_a_resumed_session
                of_two_resumes_at_once_the_later_holds
                an_end_is_told_once
                sweeps_at_once_tell_each_session_once
            }
            model {
                random_steps_do_what_the_registry_does
            }
        }
    };
    (at_once [$start:ident $make:ident]: $($noun:ident { $($sentence:ident)* })*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        #[ignore = "takes minutes, and a machine that has nothing else to do: windows are short"]
        async fn the_contract_holds() {
            let ground = std::sync::Arc::new($start().await);
            let turns = std::sync::Arc::new(tokio::sync::Semaphore::new($crate::suite::AT_ONCE));
            let mut running = Vec::new();
            $($({
                let (ground, turns) = (std::sync::Arc::clone(&ground), std::sync::Arc::clone(&turns));
                let case = async move {
                    let _turn = turns.acquire().await;
                    $crate::suite::$noun::$sentence(&$make(ground).await).await;
                };
                running.push((stringify!($sentence), tokio::spawn(case)));
            })*)*
            for (sentence, case) in running {
                assert!(case.await.is_ok(), "{sentence}");
            }
        }
    };
    (each $make:ident: $($noun:ident { $($sentence:ident)* })*) => {$(
        mod $noun {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $sentence() {
                    $crate::suite::$noun::$sentence(&super::$make().await).await;
                }
            )*
        }
    )*};
}

#[cfg(test)]
mod tests;
