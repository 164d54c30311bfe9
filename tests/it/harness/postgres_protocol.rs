use std::collections::HashSet;

/// The client's bytes, cut into the messages of Postgres' protocol, version 3.
#[derive(Default)]
pub(super) struct Frames {
    pub received: Vec<u8>,
    has_begun: bool,
}

impl Frames {
    /// The next whole message. The first has no type before its length.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let head = usize::from(self.has_begun);
        let length = self.received.get(head..head + 4)?.first_chunk::<4>()?;
        let end = head + usize::try_from(u32::from_be_bytes(*length)).ok()?;
        if self.received.len() < end {
            return None;
        }
        self.has_begun = true;
        let rest = self.received.split_off(end);
        Some(std::mem::replace(&mut self.received, rest))
    }
}

/// The commits of one connection: as simple queries, or as statements that are prepared once.
#[derive(Default)]
pub(super) struct Commits {
    /// The names of those that are prepared.
    names: HashSet<Vec<u8>>,
}

impl Commits {
    /// Whether a message asks for a commit.
    pub fn has(&mut self, message: &[u8]) -> bool {
        let mut texts = message.get(5..).unwrap_or_default().split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let commits = |statement: &[u8]| {
            statement.trim_ascii_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"commit"))
        };
        let is_commit = |text: &[u8]| text.split(|byte| *byte == b';').any(commits);
        match message.first() {
            Some(b'Q') => is_commit(first),
            Some(b'P') => {
                if is_commit(second) {
                    self.names.insert(first.to_vec());
                }
                false
            }
            // The name of the portal comes first, and that of the statement second.
            Some(b'B') => self.names.contains(second),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_where_they_end_and_a_commit_is_known() {
        let mut frames = Frames::default();
        let startup = [&8_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes()].concat();
        let query = |text: &[u8]| [b"Q", &u32::try_from(4 + text.len()).unwrap().to_be_bytes()[..], text].concat();
        let (begin, commit) = (query(b"BEGIN\0"), query(b"COMMIT\0"));
        let prepared = [b"P", &16_u32.to_be_bytes()[..], b"s1\0COMMIT\0\0\0"].concat();
        let bound = |name: &[u8]| [b"B", &14_u32.to_be_bytes()[..], b"\0", name, b"\0\0\0\0\0\0\0"].concat();

        frames.received.extend([&startup[..], &begin, &commit, &prepared[..3]].concat());
        let seen: Vec<Vec<u8>> = std::iter::from_fn(|| frames.next()).collect();

        assert_eq!(seen, [startup, begin.clone(), commit.clone()]);
        assert_eq!(frames.received, prepared[..3]);
        let mut commits = Commits::default();
        let among = query(b"SELECT 1; COMMIT; RESET ALL\0");
        let all = [&bound(b"s1"), &begin, &commit, &among, &prepared, &bound(b"s1"), &bound(b"s2")];
        assert_eq!(all.map(|message| commits.has(message)), [false, false, true, true, false, true, false]);
    }
}
