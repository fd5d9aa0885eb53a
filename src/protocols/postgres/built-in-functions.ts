/** What is known of PostgreSQL's own functions beforehand, by name; a catalog knows the overloads of its version. */
import { STABLE_NAMES, VOLATILE_NAMES } from './built-in-volatility.ts';

const stable: ReadonlySet<string> = new Set(wordsOf(STABLE_NAMES));
const volatile: ReadonlySet<string> = new Set(wordsOf(VOLATILE_NAMES));

/**
 * Those that may change what others read in a table, or that run SQL or a view they are given by name, in which
 * anything may be called. Judged one by one. The other volatile ones change at most a sequence, the session, locks,
 * files, statistics counters, an index's inner order or the server itself.
 */
const mayWrite: ReadonlySet<string> = new Set(
  wordsOf(`
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
    ts_stat ts_rewrite
    lo_creat lo_create lo_from_bytea lo_import lo_put lo_truncate lo_truncate64 lo_unlink lowrite
    pg_restore_attribute_stats pg_restore_relation_stats pg_clear_attribute_stats pg_clear_relation_stats
    pg_import_system_collations pg_extension_config_dump
    pg_replication_origin_create pg_replication_origin_drop
    plpgsql_call_handler plpgsql_inline_handler
    binary_upgrade_add_sub_rel_state binary_upgrade_create_empty_extension
    binary_upgrade_set_missing_value binary_upgrade_set_record_init_privs
  `),
);

export const builtIns = {
  /** Not immutable in every overload, the worst of 15 to 18; these are stable at worst. */
  stable,
  volatile,
  notImmutable: new Set([...stable, ...volatile]) as ReadonlySet<string>,
  mayWrite,
};

function wordsOf(text: string): string[] {
  return text.trim().split(/\s+/);
}
