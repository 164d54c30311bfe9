/// Declares a closed set of words: an enum that is stored, printed and serialised as its word.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub enum $name { $($(#[$note])* $variant,)+ }

        impl $name {
            /// Every member, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word, as it stands in tables, paths and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The member with this word, if there is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let word = String::from_sql(bytes)?;
                Self::from_word(&word)
                    .ok_or_else(|| format!(concat!("`{}` is no ", stringify!($name)), word).into())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What a delivery says about its interview.
    EventKind {
        /// The interview was submitted and scored, or something about its result changed.
        InterviewResult = "interview_result",
        /// The candidate has finished; the answers are not scored yet.
        InterviewCollected = "interview_collected",
        /// The interview failed, was abandoned, terminated, or taken back for another attempt.
        InterviewFailed = "interview_failed",
        /// Neither path nor body tells. Only a quarantined delivery is unknown.
        Unknown = "unknown",
    }
}

words! {
    /// What a delivery means for its result, decided when it is recorded.
    Standing {
        /// It is, or was, the state of its result: it has a version, and handlers run.
        Current = "current",
        /// Its bytes are those of a delivery that is stored already: counted there, no row of its own.
        Repeat = "repeat",
        /// `interview_collected` that came after the result: kept, the state stays, few handlers want it.
        Late = "late",
        /// Authentic, kept and acknowledged, but not understood: no handler runs until it is replayed.
        Quarantined = "quarantined",
    }
}

words! {
    /// Where the work of one handler on one delivery stands.
    State {
        /// Never attempted, or released before an attempt ended.
        Pending = "pending",
        /// Claimed: one worker holds its lease.
        Running = "running",
        /// An attempt failed; the next is due later.
        Retryable = "retryable",
        /// Done. The handler's effects are committed.
        Completed = "completed",
        /// Given up: by the handler, by an operator, or after the last attempt.
        Discarded = "discarded",
    }
}

words! {
    /// What an operator did.
    Action {
        /// Deliveries were handed to handlers again.
        Replay = "replay",
        /// A person was removed.
        Erase = "erase",
        /// What was too old was removed.
        Prune = "prune",
        /// Work was given up.
        Discard = "discard",
        /// Nothing makes work for a handler any more.
        Retire = "retire",
    }
}

words! {
    /// A field of the vendor's payload, by the vendor's own name.
    Field {
        /// `id`: which interview result the delivery is about.
        Id = "id",
        /// `interview_id`: the interview's definition.
        InterviewId = "interview_id",
        /// `question_set_id`: by the vendor's document the same as `interview_id`.
        QuestionSetId = "question_set_id",
        /// `status`: life cycle of the result.
        Status = "status",
        /// `interview_status`: how the interview itself went.
        InterviewStatus = "interview_status",
        /// `processing_status`: how far the scoring is.
        ProcessingStatus = "processing_status",
        /// `profile_interview_id`: the candidate's enrolment.
        ProfileInterviewId = "profile_interview_id",
        /// `profile_id`: the person, where a registered profile is linked.
        ProfileId = "profile_id",
        /// `candidate_external_id`: the customer's own id of the candidate.
        CandidateExternalId = "candidate_external_id",
        /// `candidate_name`.
        CandidateName = "candidate_name",
        /// `candidate_email`.
        CandidateEmail = "candidate_email",
        /// `candidate_phone_number`.
        CandidatePhoneNumber = "candidate_phone_number",
        /// `score`: the overall score; no range is published.
        Score = "score",
        /// `ai_analysis_recruiter_score`: the recruiter-facing score.
        AiAnalysisRecruiterScore = "ai_analysis_recruiter_score",
        /// `ai_analysis`: the analysis for the candidate.
        AiAnalysis = "ai_analysis",
        /// `ai_analysis_recruiter`: the analysis for the recruiter.
        AiAnalysisRecruiter = "ai_analysis_recruiter",
        /// `ai_analysis_recruiter_why_hire`: reasons to hire, a list or a text.
        WhyHire = "ai_analysis_recruiter_why_hire",
        /// `ai_analysis_recruiter_why_not_hire`: reasons not to hire, a list or a text.
        WhyNotHire = "ai_analysis_recruiter_why_not_hire",
        /// `recruiter_go_next_round`: the recruiter's decision.
        RecruiterGoNextRound = "recruiter_go_next_round",
        /// `pdf_export_url`: link to the report. Treat it as a secret.
        PdfExportUrl = "pdf_export_url",
        /// `reason`: the vendor's hint what changed. Never decided on.
        Reason = "reason",
    }
}

impl Field {
    /// The fields as the tables hold a list of changes: a JSON array of their names, in which there is nothing to escape.
    pub fn list_to_json(fields: &[Self]) -> String {
        let length = fields.iter().map(|field| field.as_str().len() + r#","""#.len()).sum::<usize>();
        let mut json = String::with_capacity("[]".len() + length);
        json.push('[');
        for (index, field) in fields.iter().enumerate() {
            json.push_str(if index > 0 { r#",""# } else { r#"""# });
            json.push_str(field.as_str());
            json.push('"');
        }
        json.push(']');
        json
    }

    /// The fields of a stored list of changes. Names that a later version of the program wrote are left out.
    pub fn list_from_json(json: &str) -> Vec<Self> {
        let names: Vec<String> = serde_json::from_str(json).unwrap_or_default();
        names.iter().filter_map(|name| Self::from_word(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_fields_is_json() {
        for fields in [&[][..], &[Field::Id], &[Field::Score, Field::WhyHire], Field::ALL] {
            let json = Field::list_to_json(fields);

            assert_eq!(json, serde_json::to_string(fields).unwrap());
            assert_eq!(Field::list_from_json(&json), fields);
        }
    }
}
