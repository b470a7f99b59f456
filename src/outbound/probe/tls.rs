//! TLS as every client checks it, but with a word for each thing that is wrong.
//!
//! Nothing is accepted here that the system's verifier refuses: a refusal is looked at again, to say why.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::TlsProblem;
use crate::outbound::settings::SettingsError;

/// A certificate in DER.
pub(super) type Certificate = CertificateDer<'static>;

/// The certificates of CA files.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Certificate>, SettingsError> {
    let mut found = Vec::new();
    for path in files {
        let error = |problem: String| SettingsError::CaFile {
            path: path.display().to_string(),
            problem,
        };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|e| error(e.to_string()))?;
        let certificates: Result<Vec<_>, _> = certificates.collect();
        let certificates = certificates.map_err(|e| error(e.to_string()))?;
        if certificates.is_empty() {
            return Err(error("it holds no certificate".to_owned()));
        }
        found.extend(certificates);
    }
    Ok(found)
}

/// A client that trusts the system's authorities and `trusted`.
pub(super) fn config(trusted: &[Certificate]) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(trusted.iter().cloned(), Arc::clone(&provider));
    let explaining = Explaining(verifier.map_err(|e| e.to_string())?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(explaining))
        .with_no_client_auth();
    config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    Ok(config)
}

/// The system's verifier, whose refusals are put into our words.
#[derive(Debug)]
struct Explaining(Verifier);

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match refusal(&error, end_entity, intermediates) {
            Some(problem) => Error::Other(OtherError(Arc::new(problem))),
            None => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Why the certificate was refused.
fn refusal(
    error: &Error,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Option<TlsProblem> {
    let Error::InvalidCertificate(error) = error else {
        return None;
    };
    let untrusted = || untrusted(end_entity, intermediates);
    Some(match error {
        CertificateError::Expired => TlsProblem::Expired { not_after: None },
        CertificateError::ExpiredContext { not_after, .. } => TlsProblem::Expired {
            not_after: Some(not_after.as_secs()),
        },
        CertificateError::NotValidYet => TlsProblem::NotYetValid { not_before: None },
        CertificateError::NotValidYetContext { not_before, .. } => TlsProblem::NotYetValid {
            not_before: Some(not_before.as_secs()),
        },
        CertificateError::NotValidForName => TlsProblem::WrongName {
            presented: Vec::new(),
        },
        CertificateError::NotValidForNameContext { presented, .. } => TlsProblem::WrongName {
            presented: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::Revoked => TlsProblem::Revoked,
        CertificateError::UnknownIssuer => untrusted(),
        // An authority's certificate that a server shows as its own, as some tools sign them.
        _ if is_self_issued(end_entity) => TlsProblem::SelfSigned,
        other => TlsProblem::Unusable(other.to_string()),
    })
}

fn untrusted(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> TlsProblem {
    if is_self_issued(end_entity) {
        return TlsProblem::SelfSigned;
    }
    let last = intermediates.last().unwrap_or(end_entity);
    let issuer = issuer_of(last);
    match intermediates.len() {
        0 => TlsProblem::Incomplete { issuer },
        others => TlsProblem::UnknownAuthority {
            sent: others + 1,
            issuer,
        },
    }
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|read| read.issuer() == read.subject())
}

/// The common name, or else the organisation, of the issuer. For people: nothing is decided by it.
fn issuer_of(certificate: &CertificateDer<'_>) -> String {
    let Ok(read) = webpki::EndEntityCert::try_from(certificate) else {
        return "an authority whose name cannot be read".to_owned();
    };
    // 2.5.4.3 commonName and 2.5.4.10 organizationName (X.520), each followed by tag, length and text.
    let named = [[0x55, 0x04, 0x03], [0x55, 0x04, 0x0a]];
    let name = named.iter().find_map(|oid| attribute(read.issuer(), oid));
    name.map_or_else(
        || "an authority without a name".to_owned(),
        |name| format!("{name:?}"),
    )
}

fn attribute(name: &[u8], oid: &[u8]) -> Option<String> {
    let at = name.windows(oid.len()).position(|window| window == oid)?;
    let [_tag, length, rest @ ..] = name.get(at + oid.len()..)? else {
        return None;
    };
    // Longer names have a length of two bytes and are of no use on a terminal.
    let text = rest.get(..usize::from(*length))?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// `DnsName("a.test")` and `IpAddress(…)` as people write them.
fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').map(|(_, inner)| inner);
    let inner = inner.and_then(|inner| inner.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').to_owned()
}

/// What an error of a handshake means.
pub(super) fn problem_of(error: &Error) -> TlsProblem {
    match error {
        Error::Other(OtherError(inner)) => match inner.downcast_ref::<TlsProblem>() {
            Some(problem) => problem.clone(),
            None => TlsProblem::Handshake(inner.to_string()),
        },
        Error::InvalidMessage(_) => TlsProblem::NoTls,
        other => TlsProblem::Handshake(other.to_string()),
    }
}
