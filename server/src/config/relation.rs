//! Relation: what must hold between two settings, whichever of them was said.

/// A bound of one setting by another: `share` times the smaller is at most the larger.
pub(super) struct Relation {
    pub(super) smaller: (&'static str, &'static str),
    pub(super) larger: (&'static str, &'static str),
    pub(super) share: u64,
}

/// What must hold between settings.
pub(super) const RELATIONS: [Relation; 4] = [
    // A slow session is parked before its stream forgets what it misses.
    Relation { smaller: ("limits", "outbox_bytes"), larger: ("limits", "stream_bytes"), share: 2 },
    Relation {
        smaller: ("limits", "outbox_frames"),
        larger: ("limits", "stream_messages"),
        share: 2,
    },
    // What one session may send must fit in what another may receive.
    Relation { smaller: ("limits", "frame_bytes"), larger: ("limits", "outbox_bytes"), share: 1 },
    Relation { smaller: ("session", "resume_window"), larger: ("session", "max_age"), share: 1 },
];
