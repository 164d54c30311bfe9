use std::fmt;

use serde_json::{Value, json};

use crate::candidate::{Candidate, text};
use crate::random::Random;
use crate::{Body, Event};

/// The sequences of chance that lives are made of: those of plans are odd.
const SEQUENCES: u64 = 2;

/// A candidate's life, as the vendor tells it: every delivery about it, in the order in which it came to be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Life {
    /// Its number under the seed.
    pub number: u64,
    /// Its course.
    pub course: Course,
    deliveries: Vec<Delivery>,
}

/// One message of the vendor's. `Debug` does not show the body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The event, and so the path.
    pub event: Event,
    /// The vendor's id of the interview result.
    pub result_id: String,
    /// The id of the message, for schemes that sign one. No other delivery has it.
    pub message_id: String,
    body: Vec<u8>,
}

/// The course of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Course {
    /// Collected, result, then score, report and decision, one after another.
    Decided,
    /// The same without a collected one.
    Direct,
    /// Collected, and never submitted.
    Unsubmitted,
    /// Failed, and never tried again.
    Failed,
    /// Abandoned, and tried again under an id of its own.
    Abandoned,
    /// A result that is withdrawn for another attempt under the same id.
    Reset,
    /// A result in the vendor's second form: flat, with fewer fields.
    Former,
    /// A result in the vendor's first form: a record in an envelope.
    Enveloped,
}

/// Twenty lives in the mean.
const COURSES: [Course; 20] = [
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Decided,
    Course::Direct,
    Course::Direct,
    Course::Direct,
    Course::Unsubmitted,
    Course::Unsubmitted,
    Course::Failed,
    Course::Abandoned,
    Course::Abandoned,
    Course::Reset,
    Course::Reset,
    Course::Former,
    Course::Enveloped,
];

impl Life {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed, number.wrapping_mul(SEQUENCES));
        let course = random.pick(&COURSES);
        let candidate = Candidate::new(&mut random, number);
        let interview = Interview::new(&mut random, &candidate);
        let told = match course {
            Course::Decided => interview.collected().submitted(),
            Course::Direct => interview.submitted(),
            Course::Unsubmitted => interview.collected(),
            Course::Failed => interview.failed("terminated, no speech detected"),
            Course::Abandoned => interview.failed("abandoned").tried_again().collected().submitted(),
            Course::Reset => interview.collected().submitted().failed("failed").reset().collected().submitted(),
            Course::Former => interview.in_form(Form::Second).submitted(),
            Course::Enveloped => interview.in_form(Form::First).submitted(),
        };
        Self { number, course, deliveries: told.deliveries }
    }

    /// Its deliveries, in the order in which they came to be. Two of one result may be the same bytes: a decision that is
    /// toggled back.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The results that it tells of, each once.
    pub fn result_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for delivery in &self.deliveries {
            if !ids.contains(&delivery.result_id.as_str()) {
                ids.push(&delivery.result_id);
            }
        }
        ids
    }
}

impl Delivery {
    /// A delivery with a body of one's own.
    pub fn new(event: Event, result_id: &str, message_id: &str, body: Vec<u8>) -> Self {
        Self { event, result_id: result_id.to_owned(), message_id: message_id.to_owned(), body }
    }

    /// The bytes that are sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event", &self.event)
            .field("result_id", &self.result_id)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The vendor's form of a body. The current one is the third.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    First,
    Second,
    Third,
}

/// The interview that a life tells of, with the deliveries so far.
struct Interview<'r> {
    random: &'r mut Random,
    form: Form,
    body: Body,
    deliveries: Vec<Delivery>,
}

impl<'r> Interview<'r> {
    fn new(random: &'r mut Random, candidate: &Candidate) -> Self {
        let (id, interview_id) = (random.uuid(), random.uuid());
        let body = Body::result(&id)
            .with("interview_id", interview_id.as_str())
            .with("question_set_id", interview_id.as_str())
            .with("profile_interview_id", candidate.profile_interview_id.as_str())
            .with("profile_id", candidate.profile_id.as_deref())
            .with("candidate_external_id", candidate.external_id.as_deref())
            .with("candidate_name", candidate.name.as_str())
            .with("candidate_email", candidate.email.as_str())
            .with("candidate_phone_number", candidate.phone.as_deref());
        Self { random, form: Form::Third, body, deliveries: Vec::new() }.reset()
    }

    fn in_form(mut self, form: Form) -> Self {
        let gone: &[&str] = match form {
            Form::First => &["interview_id", "interview_status", "recruiter_go_next_round"],
            Form::Second => &["question_set_id"],
            Form::Third => &[],
        };
        let newer =
            ["profile_id", "candidate_name", "candidate_email", "candidate_phone_number", "ai_analysis", "reason"];
        let is_old = form != Form::Third;
        for field in gone.iter().chain(newer.iter().filter(|_| is_old)) {
            self.body = self.body.without(field);
        }
        self.form = form;
        self
    }

    /// The state before the first word is said.
    fn reset(self) -> Self {
        self.set("status", "draft")
            .set("interview_status", "ongoing")
            .set("processing_status", "new")
            .set("score", Value::Null)
            .set("ai_analysis_recruiter_score", Value::Null)
            .set("ai_analysis", Value::Null)
            .set("ai_analysis_recruiter", Value::Null)
            .set("ai_analysis_recruiter_why_hire", Value::Null)
            .set("ai_analysis_recruiter_why_not_hire", Value::Null)
            .set("recruiter_go_next_round", Value::Null)
            .set("pdf_export_url", Value::Null)
    }

    fn tried_again(self) -> Self {
        let id = self.random.uuid();
        self.set("id", id).reset()
    }

    fn collected(self) -> Self {
        let ending = self.random.pick(&["completed", "completed, stopped early"]);
        self.set("interview_status", ending)
            .set("processing_status", "processing")
            .say(Event::Collected, "interview_status")
    }

    fn failed(self, ending: &str) -> Self {
        self.set("status", "draft")
            .set("interview_status", ending)
            .set("recruiter_go_next_round", Value::Null)
            .say(Event::Failed, "interview_status")
    }

    /// The result, and the changes after it.
    fn submitted(mut self) -> Self {
        let is_scored_at_once = self.random.percent(50);
        if self.body.value("interview_status").is_some_and(|status| status == "ongoing") {
            self = self.set("interview_status", "completed");
        }
        self = self.set("status", "active").set("processing_status", "completed");
        if is_scored_at_once {
            self = self.scored().say(Event::Result, "status, processing_status, score");
        } else {
            self = self.say(Event::Result, "status, processing_status").scored().say(Event::Result, "score");
        }
        if self.random.percent(70) {
            let url = format!("https://reports.example.org/{}.pdf", self.random.uuid());
            self = self.set("pdf_export_url", url).say(Event::Result, "pdf_export_url");
        }
        let decisions: &[bool] =
            self.random.pick::<&[bool]>(&[&[], &[true], &[false], &[true, false], &[true, false, true]]);
        decisions.iter().fold(self, |interview, decision| {
            interview.set("recruiter_go_next_round", *decision).say(Event::Result, "recruiter_go_next_round")
        })
    }

    fn scored(self) -> Self {
        let (score, recruiters) = (self.random.below(1_000), self.random.below(5_000));
        let lengths = [300, 200, 60, 40, 50].map(|least| least + self.random.below(3 * least));
        let [analysis, recruiter, why, more, why_not] = lengths.map(|length| text(self.random, length));
        let reasons = if self.random.percent(80) { json!([why, more]) } else { json!(why) };
        let against = if self.random.percent(30) { json!([]) } else { json!([why_not]) };
        self.set("score", quotient(score, 100))
            .set("ai_analysis_recruiter_score", quotient(recruiters, 1_000))
            .set("ai_analysis", analysis)
            .set("ai_analysis_recruiter", recruiter)
            .set("ai_analysis_recruiter_why_hire", reasons)
            .set("ai_analysis_recruiter_why_not_hire", against)
    }

    /// Sets a field, where its form has it.
    fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        if self.body.value(field).is_some() {
            self.body = self.body.with(field, value);
        }
        self
    }

    fn say(self, event: Event, reason: &str) -> Self {
        let mut said = self.set("reason", reason);
        let result_id = said.body.value("id").and_then(Value::as_str).expect("each has one").to_owned();
        let message_id = format!("msg_{}", said.random.uuid());
        let body = if said.form == Form::First { said.body.enveloped_bytes() } else { said.body.bytes() };
        said.deliveries.push(Delivery { event, result_id, message_id, body });
        said
    }
}

/// A decimal as JavaScript prints it: without a fraction where there is none.
fn quotient(number: usize, unit: usize) -> Value {
    let as_float = |number: usize| f64::from(u32::try_from(number).expect("a few thousand"));
    if number.is_multiple_of(unit) { json!(number / unit) } else { json!(as_float(number) / as_float(unit)) }
}
