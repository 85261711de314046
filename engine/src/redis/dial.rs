//! Dial: a new connection to a server, by TCP or TLS, and what an error then says of it.

use std::{error::Error, io, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisConnectionInfo, RedisError, ServerErrorKind, TlsCertificates, aio::MultiplexedConnection,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    options::{Options, Refused},
    shape::Door,
};

/// Steps that wait for the connection to take them; more callers wait before it.
const WAITING_MAX: usize = 1024;

/// How servers are connected to.
pub(super) struct Dial {
    patience: Duration,
    /// Who signed their certificates, in PEM form; those of the web, if nobody is named.
    roots: Option<Vec<u8>>,
}

impl Dial {
    pub(super) fn new(options: &Options) -> Result<Self, Refused> {
        let roots = options.ca_file.as_ref().map(|file| {
            let wrong = |why: String| Refused::CaFile { file: file.display().to_string(), why };
            let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            match certificates {
                Ok(some) if !some.is_empty() => Ok(pem),
                Ok(_) => Err(wrong("there is no certificate in it".to_owned())),
                Err(error) => Err(wrong(error.to_string())),
            }
        });
        Ok(Self { patience: options.patience, roots: roots.transpose()? })
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience))
            .set_response_timeout(Some(self.patience))
            .set_pipeline_buffer_size(WAITING_MAX)
    }

    async fn connect(
        &self,
        door: &Door,
        config: AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, Refused> {
        let mut settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        if let Some(user) = &door.account.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &door.account.password {
            settings = settings.set_password(password);
        }
        let info = door.address().into_connection_info();
        let place =
            info.map(|info| info.set_redis_settings(settings)).and_then(|info| match door.secure {
                true => Client::build_with_tls(
                    info,
                    TlsCertificates { client_tls: None, root_cert: self.roots.clone() },
                ),
                false => Client::open(info),
            });
        let place = place.map_err(|error| refused(door, &error))?;
        let connected = place.get_multiplexed_async_connection_with_config(&config).await;
        connected.map_err(|error| refused(door, &error))
    }

    /// Connects.
    pub(super) async fn to(&self, door: &Door) -> Result<MultiplexedConnection, Refused> {
        self.connect(door, self.config()).await
    }

    /// Connects, and hears what comes unasked. For how long an answer is waited for there is said by
    /// who asks: it comes behind all that is heard.
    pub(super) async fn listen(
        &self,
        door: &Door,
        hear: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Refused> {
        let config = self.config().set_response_timeout(None).set_push_sender(hear);
        self.connect(door, config).await
    }
}

/// What TLS has to say, if it was that.
fn of_tls(error: &RedisError) -> Option<&rustls::Error> {
    let cause = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

/// What an error says of a server.
pub(super) fn refused(door: &Door, error: &RedisError) -> Refused {
    let at = door.to_string();
    let why = match (error.code(), error.detail()) {
        // It says at length how to do it by hand.
        (Some("NOAUTH"), _) => "it wants a password".to_owned(),
        (Some(code), Some(detail)) => format!("{code} {}", detail.trim_end_matches('.')),
        (None, Some(detail)) => detail.to_owned(),
        (_, None) => error.category().to_owned(),
    };
    match (error.kind(), of_tls(error)) {
        (ErrorKind::AuthenticationFailed, _) => Refused::Password { at, why },
        (_, Some(rustls::Error::InvalidCertificate(wrong))) => {
            Refused::Certificate { at, why: wrong.to_string() }
        }
        (_, Some(error)) => Refused::Plain { at, why: error.to_string() },
        (ErrorKind::Io, None) => {
            let hint = match door.secure {
                true if error.is_timeout() => "; a port for rediss must speak TLS",
                false if error.is_connection_dropped() && !error.is_connection_refusal() => {
                    "; a port that speaks TLS wants rediss"
                }
                true | false => "",
            };
            Refused::Unreachable { at, why: format!("{error}{hint}") }
        }
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => Refused::Replica { at },
        (ErrorKind::Parse, _) => Refused::Unfit { at, why: "what answers is no Redis".to_owned() },
        _ => match error.code() {
            Some("NOAUTH") if door.account.password.is_none() => Refused::NoPassword { at },
            Some("NOAUTH" | "WRONGPASS") => Refused::Password { at, why },
            Some("NOPERM") => Refused::Forbids { at, why },
            Some("OOM") => Refused::Full { at },
            _ => Refused::Unfit { at, why },
        },
    }
}
