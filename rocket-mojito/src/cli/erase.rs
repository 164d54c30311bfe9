use clap::Args;
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::progress::watched;
use crate::{Actor, Erased, Erasure, Inbox, Person};

/// The number of results that need no confirmation of their number.
const UNCONFIRMED: u64 = 20;

#[derive(Args)]
pub(super) struct Erase {
    #[command(flatten)]
    person: Named,
    /// Confirm the number of results, where it is more than twenty
    #[arg(long, value_name = "N")]
    confirm: Option<u64>,
    /// Go without the hook of a handler that is not attached
    #[arg(long, value_name = "NAME")]
    without_handler: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

/// The person, by one id.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// The person of this interview result
    #[arg(long, value_name = "ID")]
    result: Option<String>,
    /// `profile_id`
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// `profile_interview_id`
    #[arg(long, value_name = "ID")]
    profile_interview: Option<String>,
    /// `candidate_external_id`
    #[arg(long, value_name = "ID")]
    external: Option<String>,
    /// The mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

/// The counts of an erasure as a document. It names nobody.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Counts {
    results: u64,
    bodies: u64,
    work: u64,
    errors: u64,
    elsewhere: u64,
    elsewhere_deliveries: Vec<i64>,
    kept: usize,
    undone: Vec<String>,
    without: Vec<String>,
}

impl Named {
    fn person(self) -> Result<Person, Failure> {
        let person = self.result.map(Person::ResultId);
        let person = person.or(self.profile.map(Person::ProfileId));
        let person = person.or(self.profile_interview.map(Person::ProfileInterviewId));
        let person = person.or(self.external.map(Person::ExternalId)).or(self.email.map(Person::Email));
        person.ok_or_else(|| Failure::Usage("no person is named".to_owned()))
    }
}

impl Counts {
    fn new(erased: Erased) -> Self {
        Self {
            results: erased.results,
            bodies: erased.bodies,
            work: erased.work,
            errors: erased.errors,
            elsewhere: erased.elsewhere.count,
            elsewhere_deliveries: erased.elsewhere.deliveries,
            kept: erased.kept.len(),
            undone: erased.undone.iter().map(|undone| format!("{undone:?}").to_lowercase()).collect(),
            without: erased.without,
        }
    }

    /// The rows that an erasure changes.
    fn rows(&self) -> u64 {
        self.results + self.bodies + self.work + self.errors
    }

    fn sentence(&self) -> String {
        let Self { results, bodies, work, errors, elsewhere, .. } = self;
        format!(
            "{results} results, {bodies} bodies, {work} pieces of work and {errors} error texts; {elsewhere} deliveries \
             only mention the person, and stay"
        )
    }
}

impl Erase {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let person = self.person.person()?;
        let planned = Counts::new(inbox.count_erasure(&person).await?);
        let (results, rows) = (planned.results, planned.rows());
        let sentence = format!("removal, for good, of {}", planned.sentence());
        let plan = PlanDocument { action: "erase", plan: planned };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, false)? {
            return Ok(exit);
        }
        if results > UNCONFIRMED && self.confirm != Some(results) {
            let refused =
                format!("{results} results name this person: more than {UNCONFIRMED} want `--confirm {results}`");
            return Err(Failure::Usage(refused));
        }
        let mut erasure = Erasure::new(person);
        if let Some(results) = self.confirm {
            erasure = erasure.confirm(results);
        }
        for name in &self.without_handler {
            erasure = erasure.without_handler(name);
        }
        let action = async { Ok(inbox.start_erasure(erasure, actor).await) };
        let done = match watched(inbox, output, rows, action).await? {
            Ok(erased) => Counts::new(erased),
            Err(exit) => return Ok(exit),
        };
        let exit = if done.kept == 0 && done.undone.is_empty() { Exit::Done } else { Exit::Partly };
        let line = format!("done: {}", done.sentence());
        output.answer(&DoneDocument { action: "erase", done: &done }, || {
            let mut lines = vec![line];
            if !done.elsewhere_deliveries.is_empty() {
                lines
                    .push(format!("look at the deliveries {:?}, and erase by their result", done.elsewhere_deliveries));
            }
            if exit == Exit::Partly {
                lines.push(format!("not done: {} results kept, {:?}", done.kept, done.undone));
            }
            lines
        })?;
        Ok(exit)
    }
}
