//! Why a connection ended, in the words of the systems that users know: the kernel's number, or OpenSSL's code.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The kernel's error number.
    System(i32),
    /// A code and a text.
    Other(&'static str, String),
}

impl Failure {
    /// A defect of this crate.
    pub fn defect() -> Self {
        Self::Other("E_INTERNAL", "the socket thread has given the connection up".to_owned())
    }

    /// The failure of a handshake or of a transfer.
    pub fn of(error: &io::Error) -> Self {
        if let Some(number) = error.raw_os_error() {
            return Self::System(number);
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(error) => of_tls(error),
            None => Self::Other("ECONNRESET", error.to_string()),
        }
    }
}

fn of_tls(error: &TlsError) -> Failure {
    let (code, text) = match error {
        TlsError::InvalidCertificate(error) => return of_certificate(error),
        TlsError::AlertReceived(alert) => {
            return Failure::Other(alert_code(*alert), format!("the server refuses the TLS connection: {alert:?}"))
        }
        TlsError::InvalidMessage(_) => ("ERR_SSL_WRONG_VERSION_NUMBER", "wrong version number: the server does not speak TLS"),
        TlsError::NoCertificatesPresented => ("ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "the server has no certificate"),
        _ => return Failure::Other("ERR_SSL_PROTOCOL_ERROR", error.to_string()),
    };
    Failure::Other(code, text.to_owned())
}

/// OpenSSL's codes and texts.
fn of_certificate(error: &CertificateError) -> Failure {
    let (code, text) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ("CERT_HAS_EXPIRED", "certificate has expired"),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("CERT_NOT_YET_VALID", "certificate is not yet valid")
        }
        CertificateError::UnknownIssuer => ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"),
        CertificateError::BadSignature => ("CERT_SIGNATURE_FAILURE", "certificate signature failure"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ("INVALID_PURPOSE", "unsuitable certificate purpose")
        }
        other => return Failure::Other("CERT_REJECTED", format!("certificate rejected: {other}")),
    };
    Failure::Other(code, text.to_owned())
}

fn alert_code(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        AlertDescription::UnknownCA => "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        AlertDescription::ProtocolVersion => "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        AlertDescription::DecryptError => "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR",
        AlertDescription::BadCertificate => "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
        AlertDescription::CertificateExpired => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
        AlertDescription::HandshakeFailure => "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        AlertDescription::UnrecognisedName => "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
        _ => "ERR_SSL_ALERT",
    }
}
