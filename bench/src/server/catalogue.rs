//! The pods, encoded beforehand.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;

use super::wire;
use crate::Failure;
use crate::pods::{self, Size};

/// The version of the first pod; all versions have as many digits, so that one replaces another in place.
pub(crate) const FIRST_OBJECT_VERSION: u32 = 100_000_000;
const JSON_KEY: &[u8] = b"\"resourceVersion\":\"";
/// Where a pod's metadata end.
const SPEC: &[u8] = b",\"spec\":{";
const METADATA_OPENING: &[u8] = b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",";

/// How a client wants objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Whole objects as JSON.
    Json,
    /// Whole objects as protobuf.
    Protobuf,
    /// `PartialObjectMetadata` as JSON.
    Metadata,
}

/// One pod in one format, and where its version stands.
#[derive(Clone, Debug)]
struct Encoded {
    bytes: Bytes,
    version: usize,
}

/// All pods.
#[derive(Debug)]
pub(crate) struct Catalogue {
    json: Vec<Encoded>,
    /// Empty without Go.
    protobuf: Vec<Encoded>,
}

impl Catalogue {
    /// Writes this many pods as JSON, and as protobuf when there is a Go program that does it.
    pub(crate) fn new(objects: u32, size: Size, go: Option<&Path>) -> Result<Self, Failure> {
        let json = (0..objects)
            .map(|number| {
                let mut text = String::new();
                pods::write(number, FIRST_OBJECT_VERSION + number, size, &mut text);
                Encoded::new(text.into(), JSON_KEY)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let protobuf = match go {
            Some(program) => {
                let messages = as_go_writes(&json, program)?;
                let keys = (0..objects).map(|number| wire::version_key(FIRST_OBJECT_VERSION + number));
                messages
                    .into_iter()
                    .zip(keys)
                    .map(|(bytes, key)| Encoded::at(bytes, &key))
                    .collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        Ok(Self { json, protobuf })
    }

    /// How many pods there are.
    pub(crate) fn len(&self) -> usize {
        self.json.len()
    }

    /// Mean bytes of a pod as JSON.
    pub(crate) fn mean_json(&self) -> usize {
        self.json.iter().map(|item| item.bytes.len()).sum::<usize>() / self.json.len().max(1)
    }

    /// Mean bytes of a pod as protobuf; 0 without Go.
    pub(crate) fn mean_protobuf(&self) -> usize {
        self.protobuf.iter().map(|item| item.bytes.len()).sum::<usize>() / self.json.len().max(1)
    }

    /// Whether there are pods as protobuf.
    pub(crate) fn has_protobuf(&self) -> bool {
        !self.protobuf.is_empty()
    }

    /// Appends the pod at `index` with this version, as a list or an event holds it.
    pub(crate) fn put(&self, index: usize, version: u32, format: Format, buffer: &mut Vec<u8>) {
        let item = if format == Format::Protobuf { &self.protobuf[index] } else { &self.json[index] };
        let start = buffer.len();
        if format == Format::Metadata {
            let end = find(&item.bytes, SPEC).unwrap_or(item.bytes.len());
            buffer.extend_from_slice(METADATA_OPENING);
            buffer.extend_from_slice(&item.bytes[1..end]);
            buffer.push(b'}');
            replace(buffer, start + METADATA_OPENING.len() - 1 + item.version, version);
        } else {
            buffer.extend_from_slice(&item.bytes);
            replace(buffer, start + item.version, version);
        }
    }
}

fn replace(buffer: &mut [u8], at: usize, version: u32) {
    let digits = version.to_string();
    buffer[at..at + digits.len()].copy_from_slice(digits.as_bytes());
}

impl Encoded {
    /// The version begins after the key.
    fn new(bytes: Bytes, key: &[u8]) -> Result<Self, Failure> {
        let version = find(&bytes, key).ok_or("a pod without a version")? + key.len();
        Ok(Self { bytes, version })
    }

    /// The key ends with the version itself.
    fn at(bytes: Bytes, key: &[u8]) -> Result<Self, Failure> {
        let version = find(&bytes, key).ok_or("a pod without a version")? + wire::VERSION_PREFIX;
        Ok(Self { bytes, version })
    }
}

fn find(bytes: &[u8], key: &[u8]) -> Option<usize> {
    bytes.windows(key.len()).position(|part| part == key)
}

/// Hands the pods to the Go program, and takes what it writes.
fn as_go_writes(json: &[Encoded], program: &Path) -> Result<Vec<Bytes>, Failure> {
    let mut child =
        Command::new(program).arg("generate").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or("the Go program takes nothing")?;
    let mut output = BufReader::new(child.stdout.take().ok_or("the Go program says nothing")?);
    let messages = std::thread::scope(|scope| -> Result<Vec<Bytes>, Failure> {
        let writer = scope.spawn(move || -> std::io::Result<()> {
            let mut input = BufWriter::new(input);
            for item in json {
                input.write_all(&u32::try_from(item.bytes.len()).unwrap_or(u32::MAX).to_be_bytes())?;
                input.write_all(&item.bytes)?;
            }
            input.flush()
        });
        let mut messages = Vec::with_capacity(json.len());
        for _ in json {
            let mut length = [0; 4];
            output.read_exact(&mut length)?;
            let mut message = vec![0; usize::try_from(u32::from_be_bytes(length))?];
            output.read_exact(&mut message)?;
            messages.push(message.into());
        }
        writer.join().map_err(|_| "cannot hand the pods to the Go program")??;
        Ok(messages)
    })?;
    if child.wait()?.success() { Ok(messages) } else { Err("the Go program failed".into()) }
}
