use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::SimpleAsyncConnection;

use super::Connection;

/// Moves each sequence behind the ids that were given out, if it is before them. These are every stored id, and every
/// id that deliveries are filed under, whose own row may be pruned. One process at a time does it, and no sequence ever
/// goes back.
///
/// A role that may not look at a sequence takes the sequence's next number.
const MEND_SEQUENCE: &str = r"DO $$
    DECLARE
        counted RECORD;
        highest BIGINT;
        next BIGINT;
    BEGIN
        PERFORM pg_advisory_xact_lock(5570251197);
        FOR counted IN
            SELECT t.oid::regclass AS name, a.attname AS id,
                pg_get_serial_sequence(t.oid::regclass::text, a.attname)::regclass AS sequence
            FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
            WHERE t.relname LIKE 'mojito\_%' AND t.relkind = 'r' AND pg_table_is_visible(t.oid) AND a.attidentity <> ''
        LOOP
            EXECUTE format('SELECT max(%I) FROM %s', counted.id, counted.name) INTO highest;
            IF counted.name = 'mojito_deliveries'::regclass THEN
                highest := greatest(
                    highest,
                    (SELECT max(first_delivery_id) FROM mojito_deliveries),
                    (SELECT max(delivery_id) FROM mojito_results),
                    (SELECT max(delivery_id) FROM mojito_work),
                    (SELECT max(first_delivery_id) FROM mojito_work WHERE finished_at IS NULL)
                );
            END IF;
            CONTINUE WHEN highest IS NULL;
            IF has_sequence_privilege(counted.sequence, 'SELECT') THEN
                EXECUTE format('SELECT last_value + is_called::int FROM %s', counted.sequence) INTO next;
            ELSIF has_sequence_privilege(counted.sequence, 'USAGE') THEN
                next := nextval(counted.sequence);
            ELSE
                CONTINUE;
            END IF;
            IF next <= highest THEN
                PERFORM setval(counted.sequence, highest);
            END IF;
        END LOOP;
    END
$$";

pub(super) const UNMENDED: &str = "the sequences of the `mojito_` tables cannot be compared with their rows, behind which they \
    may be since a restore: launch once as the role that owns the tables, or `setval` each above every id";

pub(super) async fn mend(connection: &mut Connection) -> QueryResult<()> {
    connection.batch_execute(MEND_SEQUENCE).await
}

/// Whether an error says that an id, or the number of a line, was given out twice.
pub(super) fn are_behind(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, details) => {
            matches!(
                details.constraint_name(),
                Some("mojito_deliveries_key" | "mojito_deliveries_by_version" | "mojito_work_key")
            )
        }
        _ => false,
    }
}
