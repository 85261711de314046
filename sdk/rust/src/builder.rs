//! Builder: what a session needs before it can begin.

use std::{fmt, future::Future, sync::Arc};

use protocol::position::Mark;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use crate::{
    driver::{App, Driver, Tap, Tickets},
    machine::Setup,
    pace::Pace,
    session::{Events, Session},
    socket::Address,
    state::State,
    ticket::{NoTicket, Reason, Ticket},
};

/// Calls of an app that wait for the session's task.
const COMMANDS_MAX: usize = 128;

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// The address is none.
    #[error("{url} {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is the matter.
        why: &'static str,
    },
    /// There is nobody to ask for tickets.
    #[error("say where tickets come from: Session::builder(url).ticket(…)")]
    NoTickets,
    /// A certificate is none.
    #[error("a certificate cannot be read: {0}")]
    Certificate(String),
    /// It is not called within a runtime of tokio.
    #[error("there is no runtime of tokio here: {0}")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(#[from] getrandom::Error),
}

impl Session {
    /// A session that connects to `url`, such as `wss://ws.example.com`, where the backend names no
    /// better address with its tickets.
    pub fn builder(url: impl Into<String>) -> Builder {
        let (pace, certificates) = (Pace::default(), Vec::new());
        let url = url.into();
        Builder { url, tickets: None, tap: None, after: None, pace, certificates }
    }
}

/// A session that is about to begin.
///
/// ```no_run
/// use usher_client::{Event, Session, Ticket};
///
/// # async fn ask_the_backend() -> Result<String, std::io::Error> { unimplemented!() }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (session, mut events) = Session::builder("wss://ws.example.com")
///     .ticket(|_reason| async { Ok(ask_the_backend().await?.parse::<Ticket>()?) })
///     .start::<serde_json::Value>()?;
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Message(message) => println!("{}", message.data),
///         Event::Gap(_) => println!("something is missing; load it from the backend"),
///         Event::Unreadable { error, .. } => println!("not what this app knows: {error}"),
///     }
/// }
/// println!("{}", session.ended().await);
/// # Ok(())
/// # }
/// ```
#[must_use = "a session begins with `start`"]
pub struct Builder {
    url: String,
    tickets: Option<Tickets>,
    tap: Option<Tap>,
    after: Option<Mark>,
    pace: Pace,
    certificates: Vec<Vec<u8>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Builder {
    /// Where tickets come from. It is asked only when one is needed, and told why; a session that
    /// comes back in time needs none. Any error is a reason to ask again later;
    /// [`NoTicket::refused`] ends the session for good.
    pub fn ticket<F, A>(mut self, tickets: F) -> Self
    where
        F: Fn(Reason) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Ticket, NoTicket>> + Send + 'static,
    {
        self.tickets = Some(Box::new(move |reason| Box::pin(tickets(reason))));
        self
    }

    /// Goes on from a position that an earlier process kept: what came after it is sent, or told
    /// as a gap.
    pub fn after(mut self, position: Mark) -> Self {
        self.after = Some(position);
        self
    }

    /// Other times than the usual ones.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Certificates of authorities that are trusted beside the public ones, as PEM.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Is shown each frame as it comes, before anything is made of it. For tools and logs; mind
    /// that a `welcome` holds a secret. The session's task waits for it, so it should be quick, or
    /// tell the runtime that it is not.
    pub fn tap(mut self, tap: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.tap = Some(Box::new(tap));
        self
    }

    /// Begins. The session connects by itself, and goes on trying until it has ended.
    ///
    /// `T` is what the app's messages are; [`crate::Raw`] leaves them as they came.
    ///
    /// # Errors
    /// If something that it was given cannot be used, or it is not called within a runtime.
    pub fn start<T: DeserializeOwned>(self) -> Result<(Session, Events<T>), NotStarted> {
        let runtime = tokio::runtime::Handle::try_current()?;
        if let Err(why) = Address::parse(&self.url) {
            return Err(NotStarted::Url { url: self.url, why });
        }
        let tickets = self.tickets.ok_or(NotStarted::NoTickets)?;
        let tls = tls(&self.certificates)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let random = u128::from_le_bytes(random);
        let (command, commands) = mpsc::channel(COMMANDS_MAX);
        let (event, events) = mpsc::channel(Events::QUEUE);
        let (state, states) = watch::channel(State::Connecting);
        let setup = Setup {
            url: self.url,
            after: self.after,
            pace: self.pace,
            seed: u64::try_from(random & u128::from(u64::MAX)).unwrap_or_default(),
            key: format!("{random:032x}"),
        };
        let app = App { tickets, tap: self.tap, commands, events: event, state };
        runtime.spawn(Driver::new(setup, tls, app).run());
        Ok((Session::new(command, states), Events::new(events)))
    }
}

/// What TLS trusts: the public authorities, and those that were given.
fn tls(certificates: &[Vec<u8>]) -> Result<Arc<ClientConfig>, NotStarted> {
    let failed = |error: &dyn fmt::Display| NotStarted::Certificate(error.to_string());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    for pem in certificates {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|e| failed(&e))?;
            roots.add(certificate).map_err(|e| failed(&e))?;
        }
        if roots.len() == before {
            return Err(failed(&"there is none in the PEM"));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
