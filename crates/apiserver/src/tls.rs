//! A certificate for the door with a socket, and the authority that vouches for it.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
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
    /// None where certificate and key come from somewhere else.
    authority: Option<Arc<CertifiedIssuer<'static, KeyPair>>>,
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
    #[error("cannot use the certificate for TLS")]
    Configure(#[from] rustls::Error),
    /// The TLS library refused the authority as one of clients.
    #[error("cannot use the authority for the certificates of clients")]
    Clients(#[from] VerifierBuilderError),
    /// What should be a certificate or a key in PEM is none.
    #[error("cannot read a certificate and its key in PEM")]
    Read(#[from] rustls::pki_types::pem::Error),
    /// The identity cannot sign: its authority's key is elsewhere.
    #[error("cannot issue a certificate for a client: the key of the authority is not known")]
    NoAuthority,
}

impl TlsError {
    /// A stable word for the kind of failure.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Generate(_) => "CertificateNotGenerated",
            Self::Configure(_) | Self::Clients(_) => "CertificateNotUsable",
            Self::Read(_) => "CertificateNotReadable",
            Self::NoAuthority => "NoAuthority",
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
        let clients = [authority.der().clone()];
        let config = config(vec![certificate.der().clone()], key, clients)?;
        Ok(Self { config, authority_pem: authority.pem(), authority: Some(Arc::new(authority)) })
    }

    /// An identity that somebody else has made: the certificate with those between it and its authority, its key,
    /// and the authorities that vouch for clients, all in PEM. Without `clients` no client certificate is asked for.
    /// It cannot [`issue`](Self::issue).
    pub fn from_pem(certificate: &[u8], key: &[u8], clients: Option<&[u8]>) -> Result<Self, TlsError> {
        let read = |pem| CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let clients = read(clients.unwrap_or_default())?;
        let config = config(read(certificate)?, PrivateKeyDer::from_pem_slice(key)?, clients)?;
        Ok(Self { config, authority_pem: String::from_utf8_lossy(certificate).into_owned(), authority: None })
    }

    /// A certificate for a client who is `user` to servers of this identity: the common name is the user's, the
    /// organisations are the groups. A uid and extra are not in it. A server refuses the handshake of who shows a
    /// certificate that another authority has signed.
    pub fn issue(&self, user: &User) -> Result<ClientCertificate, TlsError> {
        let authority = self.authority.as_ref().ok_or(TlsError::NoAuthority)?;
        client_certificate::issue(authority, user)
    }

    /// The certificate of the authority, in PEM: what clients trust. Of an identity from elsewhere it is the
    /// certificate itself.
    pub fn certificate_authority(&self) -> &str {
        &self.authority_pem
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

fn config(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut authorities = RootCertStore::empty();
    for authority in clients {
        authorities.add(authority)?;
    }
    let verifier = if authorities.is_empty() {
        WebPkiClientVerifier::no_client_auth()
    } else {
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider.clone())
            .allow_unauthenticated()
            .build()?
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)?;
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

    #[test]
    fn an_identity_from_elsewhere_serves_and_cannot_sign() {
        let elsewhere = TlsIdentity::generate().unwrap();
        let server = elsewhere.issue(&User::new("server")).unwrap();
        let (certificate, key) = (server.certificate().as_bytes(), server.key().as_bytes());
        let authority = elsewhere.certificate_authority().as_bytes();
        let identity = TlsIdentity::from_pem(certificate, key, Some(authority)).unwrap();
        assert_eq!(identity.issue(&User::new("ann")).unwrap_err().reason(), "NoAuthority");
        assert!(TlsIdentity::from_pem(certificate, key, None).is_ok());
        let refused = |outcome: Result<TlsIdentity, TlsError>| outcome.unwrap_err().reason();
        assert_eq!(refused(TlsIdentity::from_pem(certificate, b"no key", None)), "CertificateNotReadable");
        assert_eq!(refused(TlsIdentity::from_pem(b"", key, None)), "CertificateNotUsable");
    }
}
