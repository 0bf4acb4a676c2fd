//! A certificate for the door with a socket, and the authority that vouches for it.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::User;
use crate::client_certificate::{self, ClientCertificate};

/// The names that a server on loopback goes by.
const NAMES: [&str; 5] =
    ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default.svc.cluster.local"];

/// A key and a certificate, made at start and signed by an authority made with them.
///
/// Keys come from the operating system's entropy, not from an
/// [`Environment`](pilothouse_machinery::Environment): what goes over a socket is outside of simulations.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ServerConfig>,
    authority: Arc<CertifiedIssuer<'static, KeyPair>>,
    authority_pem: String,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Keys or certificates could not be generated.
    #[error("cannot generate a certificate for the API server")]
    Generate(#[from] rcgen::Error),
    /// The TLS library refused them.
    #[error("cannot use the generated certificate for TLS")]
    Configure(#[from] rustls::Error),
    /// The TLS library refused the authority as one of clients.
    #[error("cannot use the generated authority for the certificates of clients")]
    Clients(#[from] VerifierBuilderError),
}

impl TlsError {
    /// A stable word for the kind of failure.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Generate(_) => "CertificateNotGenerated",
            Self::Configure(_) | Self::Clients(_) => "CertificateNotUsable",
        }
    }
}

impl TlsIdentity {
    /// Makes an authority and, signed by it, a certificate for a server on loopback.
    pub fn generate() -> Result<Self, TlsError> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "pilothouse-ca");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let mut server = CertificateParams::new(NAMES.map(str::to_owned))?;
        server.distinguished_name.push(DnType::CommonName, "pilothouse-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config(certificate.der().clone(), key, authority.der().clone())?;
        Ok(Self { config, authority_pem: authority.pem(), authority: Arc::new(authority) })
    }

    /// A certificate for a client who is `user` to servers of this identity: the common name is the user's, the
    /// organisations are the groups. A uid and extra are not in it. A server refuses the handshake of who shows a
    /// certificate that another authority has signed.
    pub fn issue(&self, user: &User) -> Result<ClientCertificate, TlsError> {
        client_certificate::issue(&self.authority, user)
    }

    /// The certificate of the authority, in PEM: what clients trust.
    pub fn certificate_authority(&self) -> &str {
        &self.authority_pem
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

fn config(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    authority: CertificateDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut authorities = RootCertStore::empty();
    authorities.add(authority)?;
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z3_an_identity_shows_its_authority_and_never_its_key() {
        let identity = TlsIdentity::generate().unwrap();
        assert!(identity.certificate_authority().starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(format!("{identity:?}"), "TlsIdentity { .. }");
        let client = identity.issue(&User::new("ann")).unwrap();
        assert_eq!(format!("{client:?}"), "ClientCertificate { .. }");
        assert_eq!(format!("{:?}", crate::Credentials::from(Some("secret"))), "Token");
    }
}
