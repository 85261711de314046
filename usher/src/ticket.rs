//! Tickets and data, as the command line gives them.

use protocol::{data::Data, grant::Policy, http::TicketRequest, name::UserId};

use crate::{args::Grant, failure::Failure};

/// A request for a ticket, as the flags say.
pub(crate) fn request(user: UserId, grant: Grant) -> TicketRequest {
    TicketRequest {
        device: grant.device,
        device_class: grant.device_class,
        send: grant.send,
        policy: grant.single.then_some(Policy::SINGLE),
        ..TicketRequest::new(user)
    }
}

/// Text that is JSON is data as it is; any other is a string.
pub(crate) fn data(text: &str) -> Result<Data, Failure> {
    let text = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => text.to_owned(),
        Err(_) => serde_json::to_string(text).map_err(Failure::failed)?,
    };
    serde_json::from_str(&text).map_err(|e| Failure::usage(format!("data {e}")))
}
