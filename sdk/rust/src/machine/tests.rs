//! The rules of a session as scripts and the traces that they give.

mod coming_back;
mod news;
mod random;
mod script;
mod sending;
mod staying;
