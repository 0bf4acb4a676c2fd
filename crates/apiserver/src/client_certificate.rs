//! Certificates that say who a client is: the common name is the user, the organisations are the groups.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedIssuer, KeyPair, PublicKeyData as _, SigningKey as _};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{TlsError, User};

/// A certificate for a client, and its key.
#[derive(Clone)]
pub struct ClientCertificate {
    certificate: String,
    key: String,
}

impl ClientCertificate {
    /// The certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The private key, in PEM.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// Tags of DER (X.690) that a certificate is made of.
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
    pub(super) const EXTENSIONS: u8 = 0xa3;
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const CLIENT_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let length = content.len().to_be_bytes();
            let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
            #[expect(clippy::cast_possible_truncation, reason = "at most eight bytes")]
            out.push(0x80 | length.len() as u8);
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag::SEQUENCE, &parts.concat())
}

/// One attribute of a name.
fn attribute(identifier: &[u8], text: &str) -> Vec<u8> {
    let identifier = element(tag::OBJECT_IDENTIFIER, identifier);
    element(tag::SET, &sequence(&[identifier, element(tag::UTF8_STRING, text.as_bytes())]))
}

/// Issues a certificate for `user`. Written here byte by byte (RFC 5280) because `rcgen` takes one organisation only.
pub(crate) fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    user: &User,
) -> Result<ClientCertificate, TlsError> {
    let key = KeyPair::generate()?;
    let public = key.subject_public_key_info();
    let (_, parent) =
        X509Certificate::from_der(authority.der()).map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
    let algorithm = sequence(&[element(tag::OBJECT_IDENTIFIER, ECDSA_WITH_SHA256)]);
    // A number of its own that is positive and has no leading zero.
    let mut serial = Sha256::digest(&public)[..16].to_vec();
    serial[0] = serial[0] & 0x7f | 0x40;
    let groups = user.groups().iter().map(|group| attribute(ORGANIZATION, group));
    let subject: Vec<_> = groups.chain([attribute(COMMON_NAME, user.name())]).collect();
    let usage = sequence(&[element(tag::OBJECT_IDENTIFIER, CLIENT_AUTHENTICATION)]);
    let usage =
        sequence(&[element(tag::OBJECT_IDENTIFIER, EXTENDED_KEY_USAGE), element(tag::OCTET_STRING, &usage)]);
    let signed = sequence(&[
        element(tag::VERSION, &element(tag::INTEGER, &[2])),
        element(tag::INTEGER, &serial),
        algorithm.clone(),
        parent.subject().as_raw().to_vec(),
        // The same span as the authority's: it ends with the process that made it.
        sequence(&[
            element(tag::UTC_TIME, b"750101000000Z"),
            element(tag::GENERALIZED_TIME, b"40960101000000Z"),
        ]),
        sequence(&subject),
        public,
        element(tag::EXTENSIONS, &sequence(&[usage])),
    ]);
    let mut signature = vec![0];
    signature.extend(authority.key().sign(&signed)?);
    let certificate = sequence(&[signed, algorithm, element(tag::BIT_STRING, &signature)]);
    Ok(ClientCertificate { certificate: pem(&certificate), key: key.serialize_pem() })
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for start in (0..text.len()).step_by(64) {
        out.push_str(&text[start..text.len().min(start + 64)]);
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

/// The user that a certificate names, which TLS has checked already; `None` for one without a common name.
pub(crate) fn user_of(certificate: &CertificateDer<'_>) -> Option<User> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let subject = parsed.subject();
    let name = subject.iter_common_name().last()?.as_str().ok().filter(|name| !name.is_empty())?;
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok());
    let digest = crate::discovery::hex(&Sha256::digest(certificate)).to_lowercase();
    let user = User::new(name)
        .with_extra("authentication.kubernetes.io/credential-id", [format!("X509SHA256={digest}")]);
    Some(groups.fold(user, User::with_group).let_in())
}
