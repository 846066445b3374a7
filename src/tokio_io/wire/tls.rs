//! The client's side of TLS. The chain of the server's certificate is checked here; its name is the caller's to check, who also decides
//! whether anything is written, for Node has its own rules for names.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::Deserialize;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature, WebPkiSupportedAlgorithms};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

use crate::error::{Error, ErrorKind};

/// What a connection needs for TLS. All texts are PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TlsSettings {
    /// Whom to trust.
    ca: Vec<String>,
    /// The client's certificate and those that lead to its issuer.
    cert: Option<String>,
    /// The client's key.
    key: Option<String>,
    /// Whether the chain of the server's certificate is checked.
    verify: bool,
    /// Whether TLS 1.2 and TLS 1.3 are spoken.
    tls12: bool,
    tls13: bool,
}

/// Settings that have been read, for any number of connections.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Reads settings (JSON, see `TlsSettings`).
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let settings: TlsSettings = serde_json::from_str(json).map_err(|error| bad(&error))?;
        Self::new(&settings)
    }

    fn new(settings: &TlsSettings) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let spoken = [(settings.tls12, &TLS12), (settings.tls13, &TLS13)];
        let versions: Vec<&SupportedProtocolVersion> =
            spoken.into_iter().filter(|(is_spoken, _)| *is_spoken).map(|(_, version)| version).collect();
        let verifier = Verifier::new(settings, algorithms)?;
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions).map_err(|error| bad(&error))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (&settings.cert, &settings.key) {
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| bad(&"tls.key is not a private key in PEM"))?;
                builder.with_client_auth_cert(certificates(cert, "tls.cert")?, key).map_err(|error| bad(&error))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn bad(error: &impl ToString) -> Error {
    Error::new(ErrorKind::BadOption, error.to_string())
}

fn certificates(pem: &str, option: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok().filter(|all| !all.is_empty()).ok_or_else(|| bad(&format!("{option} is not a certificate in PEM")))
}

/// Server name indication has only names. An address says nothing to the server.
pub fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap_or(ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()))
}

#[derive(Debug)]
struct Verifier {
    roots: RootCertStore,
    /// The certificates behind `roots`. A server may show one of them as its own.
    trusted: Vec<CertificateDer<'static>>,
    verifies: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(settings: &TlsSettings, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, Error> {
        let mut trusted = Vec::new();
        for pem in &settings.ca {
            trusted.extend(certificates(pem, "tls.ca")?);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        Ok(Self { roots, trusted, verifies: settings.verify, algorithms })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.verifies && !self.trusted.contains(end_entity) {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, self.algorithms.all)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
