//! What an informer caches and how.

use std::sync::Arc;
use std::time::Duration;

use super::{Projection, Residence, Selection, Transform};

/// client-go's shortest period.
const SHORTEST_RESYNC: Duration = Duration::from_secs(1);

/// How objects are asked for on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WireFormat {
    /// JSON: every server speaks it for every type.
    #[default]
    Json,
    /// Protobuf where the server offers it, else JSON. Cheaper to take in; custom resources are always JSON.
    PreferProtobuf,
}

/// What an informer caches and how.
///
/// Every option may be left open. An open option is as in the informer that runs already; when none runs, as
/// [configured](super::Informers::configure) for the type or for all types; else the default named below. An option
/// that is set and differs from the running informer is an error, never ignored.
///
/// ```
/// use pilothouse::cache::{InformerOptions, WireFormat};
///
/// let options = InformerOptions::default().with_page_size(2000).with_format(WireFormat::PreferProtobuf);
/// assert_eq!(options.page_size(), Some(2000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct InformerOptions {
    selection: Option<Selection>,
    projection: Option<Projection>,
    residence: Option<Residence>,
    name: Option<Arc<str>>,
    page_size: Option<u32>,
    streaming_list: Option<bool>,
    format: Option<WireFormat>,
    shortest_resync: Option<Duration>,
    decoded_budget: Option<usize>,
    transform: Option<Transform>,
}

impl InformerOptions {
    /// Lists and watches only these objects. Default: all of the type, in all namespaces. Informers of different
    /// selections are different informers.
    pub fn with_selection(mut self, selection: Selection) -> Self {
        self.selection = Some(selection);
        self
    }

    /// Keeps only this part of each object. Default: the whole. Informers of different projections are different
    /// informers, but one of whole objects serves those who ask for a part.
    pub fn with_projection(mut self, projection: Projection) -> Self {
        self.projection = Some(projection);
        self
    }

    /// How objects are kept. Default: [`Residence::Lazy`].
    pub fn with_residence(mut self, residence: Residence) -> Self {
        self.residence = Some(residence);
        self
    }

    /// Names the informer in metrics (label `name`) and messages. Default: what it selects, in words.
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads every list in pages of this many objects. Default: the server answers from its own cache in one piece
    /// where it can; lists that bypass that cache come in pages of 500.
    pub fn with_page_size(mut self, objects: u32) -> Self {
        self.page_size = Some(objects);
        self
    }

    /// Whether the initial state may come as a stream of events (KEP-3157) instead of a list. Default: yes; a server
    /// that does not offer it is asked for a list.
    pub fn with_streaming_list(mut self, wanted: bool) -> Self {
        self.streaming_list = Some(wanted);
        self
    }

    /// How objects are asked for on the wire. Default: JSON.
    pub fn with_format(mut self, format: WireFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// The shortest resync period that a subscriber gets; requests below it are raised to it. Default: one second.
    pub fn with_shortest_resync(mut self, period: Duration) -> Self {
        self.shortest_resync = Some(period);
        self
    }

    /// How many bytes of decoded objects the cache may keep beside what it keeps of each object anyway. Default: no
    /// limit.
    pub fn with_decoded_budget(mut self, bytes: usize) -> Self {
        self.decoded_budget = Some(bytes);
        self
    }

    /// Changes each object when it comes in, before anybody sees it. Default: nothing is changed.
    pub fn with_transform(mut self, transform: Transform) -> Self {
        self.transform = Some(transform);
        self
    }

    /// These options, and for those left open the ones of `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            selection: self.selection.or(other.selection),
            projection: self.projection.or(other.projection),
            residence: self.residence.or(other.residence),
            name: self.name.or(other.name),
            page_size: self.page_size.or(other.page_size),
            streaming_list: self.streaming_list.or(other.streaming_list),
            format: self.format.or(other.format),
            shortest_resync: self.shortest_resync.or(other.shortest_resync),
            decoded_budget: self.decoded_budget.or(other.decoded_budget),
            transform: self.transform.or(other.transform),
        }
    }

    /// These options without the choice of a namespace.
    pub(super) fn in_all_namespaces(mut self) -> Self {
        if let Some(selection) = &mut self.selection {
            selection.namespace = None;
        }
        self
    }

    /// Which objects.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection.clone().unwrap_or_default()
    }

    /// The selection, if one was given.
    pub(super) fn given_selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// What of each object is kept.
    #[must_use]
    pub fn projection(&self) -> Projection {
        self.projection.clone().unwrap_or_default()
    }

    /// How objects are kept.
    #[must_use]
    pub fn residence(&self) -> Residence {
        self.residence.clone().unwrap_or_default()
    }

    /// The name, if one was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Objects per page, if every list is to come in pages.
    #[must_use]
    pub fn page_size(&self) -> Option<u32> {
        self.page_size
    }

    /// Whether the initial state may come as a stream of events.
    #[must_use]
    pub fn streaming_list(&self) -> bool {
        self.streaming_list.unwrap_or(true)
    }

    /// How objects are asked for.
    #[must_use]
    pub fn format(&self) -> WireFormat {
        self.format.unwrap_or_default()
    }

    /// The shortest resync period.
    #[must_use]
    pub fn shortest_resync(&self) -> Duration {
        self.shortest_resync.unwrap_or(SHORTEST_RESYNC)
    }

    /// The limit of the bytes of decoded objects, if there is one.
    #[must_use]
    pub fn decoded_budget(&self) -> Option<usize> {
        self.decoded_budget
    }

    /// The change that each object goes through, if there is one.
    #[must_use]
    pub fn transform(&self) -> Option<&Transform> {
        self.transform.as_ref()
    }
}

/// An option in words.
pub(super) struct OptionWords {
    pub(super) name: &'static str,
    /// Whether it was set, rather than left open.
    pub(super) is_set: bool,
    pub(super) value: String,
}

impl InformerOptions {
    /// How the informer runs, in words, option by option. Selection and projection are left out: they tell informers
    /// apart.
    pub(super) fn words(&self) -> Vec<OptionWords> {
        let words = |name, is_set, value| OptionWords { name, is_set, value };
        let size = self.page_size.map_or("as the server likes".to_owned(), |size| size.to_string());
        let budget = self.decoded_budget.map_or("without limit".to_owned(), |bytes| bytes.to_string());
        let transform = self.transform.as_ref().map_or("none", Transform::name).to_owned();
        let name = self.name.as_deref().unwrap_or("none").to_owned();
        vec![
            words("residence", self.residence.is_some(), format!("{:?}", self.residence())),
            words("name", self.name.is_some(), name),
            words("page size", self.page_size.is_some(), size),
            words("streaming list", self.streaming_list.is_some(), self.streaming_list().to_string()),
            words("format", self.format.is_some(), format!("{:?}", self.format())),
            words("shortest resync", self.shortest_resync.is_some(), format!("{:?}", self.shortest_resync())),
            words("budget for decoded objects", self.decoded_budget.is_some(), budget),
            words("transform", self.transform.is_some(), transform),
        ]
    }
}
