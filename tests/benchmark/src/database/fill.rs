use crate::body::Bodies;

/// How many deliveries there are of each result that waits in a line.
pub(super) const VERSIONS: u64 = 5;

/// State, attempt, due time, epoch, end, and whether it is the first of its line.
const COMPLETED: &str = "'completed', 1, NULL, 1, received_at, 1 = 0";

/// How one database says what both can.
pub(super) struct Dialect {
    /// The table `series (n)` of the numbers from `{from}` to `{to}`.
    pub series: &'static str,
    /// A UUID made of the number `r`, in no order.
    pub uuid: &'static str,
    /// 32 bytes that no other delivery has.
    pub fingerprint: &'static str,
    /// The bytes of a text.
    pub bytes: fn(&str) -> String,
    pub now: &'static str,
    pub tomorrow: &'static str,
    /// A year and a half ago: longer than anything is kept.
    pub long_ago: &'static str,
}

pub(super) const SQLITE: Dialect = Dialect {
    series: "WITH RECURSIVE series (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM series WHERE n < {to})",
    uuid: "printf('%08x-0000-4000-8000-%012x', (r * 2654435761) & 4294967295, r)",
    fingerprint: "randomblob(32)",
    bytes: |text| format!("CAST({text} AS BLOB)"),
    now: "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'",
    tomorrow: "strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day') || '000'",
    long_ago: "strftime('%Y-%m-%d %H:%M:%f', 'now', '-550 days') || '000'",
};

pub(super) const POSTGRES: Dialect = Dialect {
    series: "WITH series (n) AS (SELECT * FROM generate_series({from}::bigint, {to}::bigint))",
    uuid: "lpad(to_hex((r * 2654435761) & 4294967295), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(r), 12, '0')",
    fingerprint: "sha256(convert_to(n::text, 'UTF8'))",
    bytes: |text| format!("convert_to({text}, 'UTF8')"),
    now: "now()",
    tomorrow: "now() + interval '1 day'",
    long_ago: "now() - interval '550 days'",
};

impl Dialect {
    /// Two versions each of results that are settled, and after them one each of results that wait for their handler.
    pub fn fill(&self, bodies: &Bodies, settled: u64, waiting: u64) -> String {
        [
            self.deliveries(bodies, 1, settled, "(n + 1) / 2", "1 + (n + 1) % 2"),
            self.deliveries(bodies, settled + 1, settled + waiting, "n", "1"),
            self.results().to_owned(),
            self.work("desk", COMPLETED, &format!("id <= {settled}")),
            self.work("desk", "'pending', 0, NULL, 0, NULL, 1 = 1", &format!("id > {settled}")),
        ]
        .concat()
    }

    /// Versions of results that wait behind the first of them, which has failed, for a handler; or have been handled.
    pub fn lines(&self, bodies: &Bodies, handler: &str, results: u64, is_blocked: bool) -> String {
        let result = format!("(n + {VERSIONS} - 1) / {VERSIONS}");
        let deliveries =
            self.deliveries(bodies, 1, results * VERSIONS, &result, &format!("1 + (n + {VERSIONS} - 1) % {VERSIONS}"));
        let failed = format!("'retryable', 1, {}, 1, NULL, 1 = 1", self.tomorrow);
        let work = match is_blocked {
            true => [
                self.work(handler, &failed, "version = 1"),
                self.work(handler, "'pending', 0, NULL, 0, NULL, 1 = 0", "version > 1"),
            ]
            .concat(),
            false => self.work(handler, COMPLETED, "1 = 1"),
        };
        [deliveries, self.results().to_owned(), work].concat()
    }

    /// Makes the first deliveries older than anything is kept.
    pub fn age(&self, count: u64) -> String {
        format!("UPDATE mojito_deliveries SET received_at = {} WHERE id <= {count}", self.long_ago)
    }

    fn deliveries(&self, bodies: &Bodies, from: u64, to: u64, result: &str, version: &str) -> String {
        let series = self.series.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        let mut body = Vec::new();
        bodies.append(from, &mut body);
        let body = String::from_utf8(body).expect("bodies are text").replace('\'', "''");
        let id = bodies.id(from);
        let template = std::str::from_utf8(&id).expect("a UUID is text");
        let body = (self.bytes)(&format!("replace('{body}', '{template}', {})", self.uuid));
        format!(
            "INSERT INTO mojito_deliveries
                 (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id, received_at,
                  body, changes)
             {series}, numbered AS (SELECT n, {result} AS r, {version} AS version FROM series)
             SELECT n, 'default', 'interview_result', {}, n + 1 - version, version, 'current', {}, 'measured', {}, {body},
                    '[\"score\"]'
             FROM numbered;\n",
            self.uuid, self.fingerprint, self.now
        )
    }

    /// The state of each result is its newest version.
    fn results(&self) -> &'static str {
        "INSERT INTO mojito_results
             (endpoint, id, event, version, candidate_name, first_delivery_id, delivery_id, first_received_at, updated_at)
         SELECT endpoint, result_id, event, version, 'Test Person', first_delivery_id, id, received_at, received_at
         FROM mojito_deliveries newest
         WHERE NOT EXISTS (
             SELECT 1 FROM mojito_deliveries later
             WHERE later.first_delivery_id = newest.first_delivery_id AND later.version = newest.version + 1
         );\n"
    }

    fn work(&self, handler: &str, state: &str, which: &str) -> String {
        format!(
            "INSERT INTO mojito_work
                 (delivery_id, handler, first_delivery_id, max_attempts, state, attempt, due_at, epoch, finished_at,
                  is_first)
             SELECT id, '{handler}', first_delivery_id, 12, {state} FROM mojito_deliveries WHERE {which};\n"
        )
    }
}
