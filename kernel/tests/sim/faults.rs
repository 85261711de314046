//! Faults that are planted: each must be seen within a few seeds, and blamed for what it breaks. An
//! oracle that sees nothing proves nothing, and one that blames another promise sees something else.

use crate::{fault::Fault, log::Log, oracle::Promise, play::play};

/// Within so many seeds a fault must be seen.
const SEEDS: u64 = 10;
const STEPS: usize = 4000;

/// The first thing that is blamed is that promise.
fn breaks(fault: Fault, promise: Promise) {
    let seen = (1..=SEEDS).find_map(|seed| {
        let world = play(seed, STEPS, Some(fault), Log::Silent);
        world.oracle.blames.first().map(|blame| (seed, blame.clone()))
    });
    let Some((seed, blame)) = seen else { panic!("{fault:?} was not seen in {SEEDS} seeds") };
    assert_eq!(blame.promise, promise, "{fault:?} with seed {seed}: {blame:?}");
}

macro_rules! faults {
    ($($name:ident: $Fault:ident breaks $Promise:ident;)*) => {
        $(
            #[test]
            fn $name() {
                breaks(Fault::$Fault, Promise::$Promise);
            }
        )*
    };
}

faults! {
    // Admission.
    a_ticket_is_not_spent: TicketNotSpent breaks TicketOnce;
    a_policy_has_one_place_too_many: OnePlaceTooMany breaks Places;
    a_rejecting_policy_ends_live_sessions: RejectReplaces breaks Reject;
    a_newcomer_is_refused_before_anybody_was_asked: NobodyAsked breaks Reject;
    a_probe_is_answered_and_the_session_ended: AnswerIgnored breaks Alive;
    a_session_sends_without_a_grant: GrantIgnored breaks Grant;
    // Ends.
    a_replaced_session_is_still_served: ReplacedStillServed breaks Void;
    a_session_reads_on_after_its_end: StrangerReads breaks Void;
    a_session_sends_after_its_goodbye: SentAfterGoodbye breaks Void;
    a_block_is_not_told_to_the_node: BlockNotTold breaks EndTold;
    a_blocked_user_is_let_in: BlockForgotten breaks Blocked;
    an_end_code_is_forgotten: EndCodeForgotten breaks EndCode;
    a_user_is_online_twice: OnlineTwice breaks Presence;
    a_user_never_goes_offline: OfflineForgotten breaks Presence;
    // Resumes.
    a_held_resume_expires: HeldResumeExpires breaks Resume;
    a_session_is_resumed_too_late: ResumedTooLate breaks Resume;
    a_lost_socket_is_not_parked: ParkForgotten breaks Agree;
    silence_is_not_noticed: SilenceUnnoticed breaks Alive;
    a_grace_that_is_over_is_taken_for_a_drain: GraceIsADrain breaks Drained;
    a_grace_never_ends: GraceNeverEnds breaks Drained;
    // Messages.
    a_message_is_lost_on_its_way: MessageLost breaks Delivery;
    messages_change_places: MailSwapped breaks Delivery;
    a_frame_is_written_twice: FrameSentTwice breaks Once;
    a_replay_skips_a_message: ReplaySkipsOne breaks Delivery;
    a_replay_doubles_a_message: ReplayDoublesOne breaks Once;
    a_gap_is_not_told: GapNotTold breaks Delivery;
    a_message_is_replayed_after_its_time: ExpiredReplayed breaks Expired;
    a_parked_session_is_counted_live: ParkedCountedLive breaks Receipt;
    a_key_is_forgotten: KeyForgotten breaks Key;
    another_message_passes_for_that_of_a_key: KeyMixedUp breaks Key;
    a_volatile_message_is_kept: VolatileKept breaks Fleeting;
    a_latecomer_gets_a_message_to_everyone: EveryoneToLatecomer breaks Fleeting;
    a_message_to_everyone_misses_one: EveryoneMissesOne breaks Fleeting;
}
