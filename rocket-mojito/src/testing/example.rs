use std::fmt;
use std::sync::OnceLock;

use mojito_schema::Snapshot;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Quarantined;
use crate::config::Endpoints;
use crate::event::{Event, ParsedBody, classify};
use crate::{EventKind, Field, Standing, Timestamp};

/// The id of an example's delivery, unless a database gives it one.
const DELIVERY_ID: i64 = 1;

/// A delivery of the vendor's form, to be changed field by field. Nobody in it is real.
///
/// Every example is about one result, whatever its kind, until [`id`](Self::id) says otherwise. `Debug` shows no value.
///
/// ```
/// use rocket_mojito::{Event, EventKind, Field};
///
/// let scored = Event::example(EventKind::InterviewResult).score(4.212);
/// let decided = scored.clone().recruiter_go_next_round(true).after(&scored).build();
///
/// assert_eq!(decided.version(), Some(2));
/// assert_eq!(decided.changes(), [Field::RecruiterGoNextRound]);
/// assert_eq!(decided.payload().score.as_ref().unwrap().to_string(), "4.212");
/// ```
#[derive(Clone)]
pub struct ExampleEvent {
    kind: EventKind,
    endpoint: String,
    members: Map<String, Value>,
    message_id: Option<String>,
    previous: Option<Box<Self>>,
    standing: Standing,
    is_superseded: bool,
}

impl Event {
    /// A delivery of this kind in the vendor's form, for tests. `Unknown` stands for a delivery to the path for all
    /// events whose body tells no kind.
    pub fn example(kind: EventKind) -> ExampleEvent {
        ExampleEvent::new(kind)
    }

    /// The event of a body that comes to the path of this kind, or with `Unknown` to the path for all events. It is the
    /// first version of its result.
    ///
    /// # Errors
    ///
    /// When a delivery with this body would be quarantined.
    pub fn from_json(kind: EventKind, body: impl AsRef<[u8]>) -> Result<Self, Quarantined> {
        let body = body.as_ref();
        let path = Some(kind).filter(|kind| *kind != EventKind::Unknown);
        let (kind, reading) = classify(path, ParsedBody::parse(body));
        let (payload, findings) = match reading {
            ParsedBody::Usable { payload, findings } => (*payload, findings),
            ParsedBody::Unusable { cause, .. } => return Err(Quarantined::new(cause)),
        };
        let (_, snapshot) = payload.clone().into_state();
        Ok(Self {
            kind,
            payload,
            body: body.to_vec(),
            endpoint: Endpoints::DEFAULT.to_owned(),
            delivery_id: DELIVERY_ID,
            standing: Standing::Current,
            version: Some(1),
            changes: snapshot.changes_since(&Snapshot::default()),
            findings,
            received_at: Timestamp::now(),
            is_superseded: false,
            former_body: None,
            previous: OnceLock::new(),
        })
    }
}

/// One setter for each field of the vendor's document, under the field's own name.
macro_rules! setters {
    ($($(#[$note:meta])* $setter:ident($type:ty) = $field:ident by $convert:path;)+) => {
        impl ExampleEvent {
            $(
                $(#[$note])*
                pub fn $setter(self, value: $type) -> Self {
                    self.field(Field::$field, $convert(value))
                }
            )+

            /// The setters by name, each with its field.
            #[cfg(mojito_internals)]
            pub(crate) const SETTERS: &'static [(&'static str, Field)] =
                &[$((stringify!($setter), Field::$field),)+];
        }
    };
}

setters! {
    /// Sets the id of the interview result.
    id(impl Into<String>) = Id by text;
    /// Sets the interview's definition.
    interview_id(impl Into<String>) = InterviewId by text;
    /// Sets the second name of the interview's definition.
    question_set_id(impl Into<String>) = QuestionSetId by text;
    /// Sets the life cycle of the result, such as `active` or `draft`.
    status(impl Into<String>) = Status by text;
    /// Sets the course of the interview, such as `completed` or `abandoned`.
    interview_status(impl Into<String>) = InterviewStatus by text;
    /// Sets the progress of the scoring.
    processing_status(impl Into<String>) = ProcessingStatus by text;
    /// Sets the candidate's enrolment.
    profile_interview_id(impl Into<String>) = ProfileInterviewId by text;
    /// Sets the person's registered profile.
    profile_id(impl Into<String>) = ProfileId by text;
    /// Sets your own id of the candidate.
    candidate_external_id(impl Into<String>) = CandidateExternalId by text;
    /// Sets the candidate's name.
    candidate_name(impl Into<String>) = CandidateName by text;
    /// Sets the candidate's mail address.
    candidate_email(impl Into<String>) = CandidateEmail by text;
    /// Sets the candidate's phone number.
    candidate_phone_number(impl Into<String>) = CandidatePhoneNumber by text;
    /// Sets the overall score.
    score(f64) = Score by to_json;
    /// Sets the recruiter-facing score.
    ai_analysis_recruiter_score(f64) = AiAnalysisRecruiterScore by to_json;
    /// Sets the analysis for the candidate.
    ai_analysis(impl Into<String>) = AiAnalysis by text;
    /// Sets the analysis for the recruiter.
    ai_analysis_recruiter(impl Into<String>) = AiAnalysisRecruiter by text;
    /// Sets the reasons to hire: a text, or a list of texts.
    ai_analysis_recruiter_why_hire(impl Serialize) = WhyHire by to_json;
    /// Sets the reasons not to hire: a text, or a list of texts.
    ai_analysis_recruiter_why_not_hire(impl Serialize) = WhyNotHire by to_json;
    /// Sets the recruiter's decision.
    recruiter_go_next_round(bool) = RecruiterGoNextRound by to_json;
    /// Sets the link to the report.
    pdf_export_url(impl Into<String>) = PdfExportUrl by text;
    /// Sets the vendor's hint at the change.
    reason(impl Into<String>) = Reason by text;
}

impl ExampleEvent {
    fn new(kind: EventKind) -> Self {
        let Value::Object(members) = json!({
            "id": "example-result",
            "interview_id": "example-interview",
            "question_set_id": "example-interview",
            "status": "active",
            "interview_status": "completed",
            "processing_status": "completed",
            "profile_interview_id": "example-enrolment",
            "profile_id": "example-profile",
            "candidate_external_id": "example-candidate",
            "candidate_name": "Example Candidate",
            "candidate_email": "candidate@example.com",
            "candidate_phone_number": "+372 5550 0000",
            "score": 4.5,
            "ai_analysis_recruiter_score": 4.2,
            "ai_analysis": "clear answers",
            "ai_analysis_recruiter": "worth a talk",
            "ai_analysis_recruiter_why_hire": ["curious", "precise"],
            "ai_analysis_recruiter_why_not_hire": ["new to the field"],
            "recruiter_go_next_round": null,
            "pdf_export_url": null,
            "reason": null,
        }) else {
            unreachable!("an object literal")
        };
        let example = Self {
            kind,
            endpoint: Endpoints::DEFAULT.to_owned(),
            members,
            message_id: None,
            previous: None,
            standing: Standing::Current,
            is_superseded: false,
        };
        match kind {
            EventKind::InterviewResult => example,
            EventKind::InterviewCollected => example.unscored().status("draft").processing_status("processing"),
            EventKind::InterviewFailed => example.unscored().interview_status("abandoned"),
            EventKind::Unknown => example.status("archived"),
        }
    }

    /// Without anything that scoring adds.
    fn unscored(self) -> Self {
        let scored = [
            Field::Score,
            Field::AiAnalysisRecruiterScore,
            Field::AiAnalysis,
            Field::AiAnalysisRecruiter,
            Field::WhyHire,
            Field::WhyNotHire,
        ];
        scored.into_iter().fold(self, Self::null)
    }

    fn field(mut self, field: Field, value: impl Serialize) -> Self {
        self.members.insert(field.as_str().to_owned(), to_json(value));
        self
    }

    /// Sends a field as null.
    pub fn null(self, field: Field) -> Self {
        self.field(field, Value::Null)
    }

    /// Does not send a field.
    pub fn without(mut self, field: Field) -> Self {
        self.members.remove(field.as_str());
        self
    }

    /// Sends any member with any value, such as a key that the vendor's document does not name.
    ///
    /// # Panics
    ///
    /// When the value is no JSON, such as a map whose keys are no texts.
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.members.insert(key.into(), to_json(value));
        self
    }

    /// Sends it to this endpoint. Default: `default`.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = name.into();
        self
    }

    /// The id that a gateway gives the message, where its scheme has one. A gateway repeats the id in each retry.
    /// Default: another id in each post.
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }

    /// The version before this one. Changes are compared with it.
    pub fn after(mut self, previous: &Self) -> Self {
        self.previous = Some(Box::new(previous.clone()));
        self
    }

    /// Makes it superseded: its result has a later version already. Ignored by [`perform`](super::perform) and
    /// [`TestInbox`](super::TestInbox), whose database knows better.
    pub fn superseded(mut self) -> Self {
        self.is_superseded = true;
        self
    }

    /// Makes it late: it has no version and no changes. Ignored like [`superseded`](Self::superseded).
    pub fn late(mut self) -> Self {
        self.standing = Standing::Late;
        self
    }

    /// The body that the vendor would send.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.members).expect("a JSON object")
    }

    /// The event as a handler sees it.
    ///
    /// # Panics
    ///
    /// When a delivery with this body would be quarantined.
    pub fn build(&self) -> Event {
        self.try_build().unwrap_or_else(|quarantined| panic!("{quarantined}"))
    }

    /// The same for an example that may be unusable.
    ///
    /// # Errors
    ///
    /// When a delivery with this body would be quarantined.
    pub fn try_build(&self) -> Result<Event, Quarantined> {
        let mut event = Event::from_json(self.kind, self.body())?;
        (event.endpoint, event.standing, event.is_superseded) =
            (self.endpoint.clone(), self.standing, self.is_superseded);
        if self.standing == Standing::Late {
            (event.version, event.changes) = (None, Vec::new());
        } else if let Some(previous) = &self.previous {
            let previous = previous.try_build()?;
            let (_, former) = previous.payload.into_state();
            event.changes = event.payload.clone().into_state().1.changes_since(&former);
            event.version = previous.version.map(|version| version + 1);
            event.former_body = Some(previous.body);
        }
        Ok(event)
    }

    pub(super) fn kind(&self) -> EventKind {
        self.kind
    }

    pub(super) fn endpoint_name(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn message(&self) -> Option<&str> {
        self.message_id.as_deref()
    }
}

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

fn to_json(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("a value of JSON")
}

impl fmt::Debug for ExampleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExampleEvent")
            .field("kind", &self.kind)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_is_read_as_its_kind_by_the_path_for_all_events() {
        for kind in [EventKind::InterviewResult, EventKind::InterviewCollected, EventKind::InterviewFailed] {
            let event = Event::from_json(EventKind::Unknown, Event::example(kind).body()).unwrap();

            assert_eq!(event.kind(), kind);
            assert_eq!(event.findings(), []);
        }
        assert!(Event::example(EventKind::Unknown).try_build().is_err());
    }
}
