use crate::words::words;

words! {
    /// The stage of an application on the desk.
    ///
    /// A person decides who goes on, in JobMojito. No score ever moves an application.
    Stage {
        /// The candidate has finished, and nothing is scored yet.
        AnswersIn = "answers_in", "Answers in";
        /// The interview is scored, and no recruiter has decided.
        ToReview = "to_review", "To review";
        /// A recruiter decided for the next round.
        Advanced = "advanced", "Next round";
        /// A recruiter decided against the next round.
        Declined = "declined", "Declined";
        /// The interview came to nothing.
        Failed = "failed", "Failed";
        /// There was a result, and it was taken back, as for another attempt.
        Withdrawn = "withdrawn", "Withdrawn";
    }
}

impl Stage {
    /// The stage of a result, by the recruiter's decision.
    pub fn of_result(decision: Option<bool>) -> Self {
        match decision {
            Some(true) => Self::Advanced,
            Some(false) => Self::Declined,
            None => Self::ToReview,
        }
    }

    /// The stage after a failure: an application that had a result has lost it.
    pub fn of_failure(had_result: bool) -> Self {
        if had_result { Self::Withdrawn } else { Self::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_decision_moves_a_result_beyond_review() {
        assert_eq!(Stage::of_result(None), Stage::ToReview);
        assert_eq!(Stage::of_result(Some(true)), Stage::Advanced);
        assert_eq!(Stage::of_result(Some(false)), Stage::Declined);
    }

    #[test]
    fn a_failure_after_a_result_withdraws_it() {
        assert_eq!(Stage::of_failure(true), Stage::Withdrawn);
        assert_eq!(Stage::of_failure(false), Stage::Failed);
    }

    #[test]
    fn each_word_finds_its_stage() {
        for stage in Stage::ALL {
            assert_eq!(Stage::from_word(stage.as_str()), Some(*stage));
        }
    }
}
