use crate::stage::Stage;
use crate::words::words;

words! {
    /// A change that a recruiter at the desk should notice.
    Notice {
        /// Decided for the next round.
        Advanced = "advanced", "Goes on to the next round";
        /// Decided against the next round.
        Declined = "declined", "Declined by the recruiter";
        /// A decision was taken back.
        Reopened = "reopened", "Decision taken back";
        /// The result was withdrawn.
        Withdrawn = "withdrawn", "Result withdrawn";
        /// There is a report, or a new link to it.
        ReportAvailable = "report_available", "Report available";
        /// The score differs from the one before.
        ScoreChanged = "score_changed", "Score changed";
        /// The desk gave a delivery up: the stored stage of the application may be wrong.
        NotFiled = "not_filed", "Could not be filed";
    }
}

impl Notice {
    /// The notice about a move from one stage to the next.
    ///
    /// Stages are compared, not versions: a changed decision shows, however many versions were skipped in between.
    pub fn of_move(former: Option<Stage>, stage: Stage) -> Option<Self> {
        if former == Some(stage) {
            return None;
        }
        match (former, stage) {
            (_, Stage::Advanced) => Some(Self::Advanced),
            (_, Stage::Declined) => Some(Self::Declined),
            (_, Stage::Withdrawn) => Some(Self::Withdrawn),
            (Some(Stage::Advanced | Stage::Declined), Stage::ToReview) => Some(Self::Reopened),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_decision_is_noticed_in_every_direction() {
        let cases = [
            (Some(Stage::ToReview), Stage::Advanced, Some(Notice::Advanced)),
            (Some(Stage::Advanced), Stage::Declined, Some(Notice::Declined)),
            (Some(Stage::Declined), Stage::ToReview, Some(Notice::Reopened)),
            (Some(Stage::Advanced), Stage::Withdrawn, Some(Notice::Withdrawn)),
            (None, Stage::Advanced, Some(Notice::Advanced)),
        ];

        for (former, stage, notice) in cases {
            assert_eq!(Notice::of_move(former, stage), notice, "{former:?} to {stage:?}");
        }
    }

    #[test]
    fn what_stays_is_not_noticed() {
        assert_eq!(Notice::of_move(Some(Stage::Advanced), Stage::Advanced), None);
        assert_eq!(Notice::of_move(None, Stage::AnswersIn), None);
        assert_eq!(Notice::of_move(Some(Stage::AnswersIn), Stage::ToReview), None);
    }
}
