/**
 * What is known of PostgreSQL's own catalogs and of widely used extensions, because no catalog tells it.
 */

/** System catalogs that change by statements that change definitions, and by nothing else that can be read from them. */
const DEFINITIONS = new Set(
  `pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_cast pg_class pg_collation pg_constraint
  pg_conversion pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper
  pg_foreign_server pg_foreign_table pg_index pg_indexes pg_inherits pg_language pg_matviews pg_namespace
  pg_opclass pg_operator pg_opfamily pg_partitioned_table pg_policies pg_policy pg_proc pg_range pg_rewrite
  pg_rules pg_sequence pg_statistic_ext pg_tables pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict
  pg_ts_parser pg_ts_template pg_type pg_views`.split(/\s+/),
);

/** Of information_schema all are views over the definitions, as far as the role may see them. */
export function isOfDefinitions(relation: { schema: string; name: string }): boolean {
  return relation.schema === 'information_schema' || DEFINITIONS.has(relation.name);
}

export function isSystemSchema(schema: string): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema';
}

/** Stable functions whose result hangs on the definitions, the role and the settings alone. */
export const FUNCTIONS_OF_DEFINITIONS: ReadonlySet<string> = new Set(
  `col_description current_schema current_schemas format_type has_any_column_privilege has_column_privilege
  has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
  has_table_privilege has_type_privilege obj_description pg_encoding_to_char pg_function_is_visible
  pg_get_constraintdef pg_get_expr pg_get_function_arguments pg_get_function_identity_arguments
  pg_get_function_result pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partkeydef pg_get_ruledef
  pg_get_serial_sequence pg_get_triggerdef pg_get_viewdef pg_has_role pg_opclass_is_visible
  pg_operator_is_visible pg_relation_is_updatable pg_table_is_visible pg_type_is_visible to_regclass
  to_regnamespace to_regproc to_regprocedure to_regtype`.split(/\s+/),
);

/** Types whose values are looked up in the catalogs as they are read or written. */
export function isCatalogType(name: string): boolean {
  return /^reg(class|type|proc|procedure|oper|operator|namespace|role|config|dictionary|collation)$/.test(
    name,
  );
}

/** Functions written in C of these extensions write nothing, and run no SQL that they are given. */
export const HARMLESS_EXTENSIONS: ReadonlySet<string> = new Set(
  `autoinc btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch hstore
  insert_username intarray isn ltree moddatetime pg_trgm pgcrypto postgis postgis_raster postgis_sfcgal seg
  tcn unaccent uuid-ossp vector`.split(/\s+/),
);

/** Functions that are not declared volatile, but run SQL that they are given. */
export const RUNS_GIVEN_SQL: ReadonlySet<string> = new Set(
  `crosstab crosstab2 crosstab3 crosstab4 connectby xpath_table ts_stat`.split(/\s+/),
);

/**
 * Functions that PostgreSQL calls stable only because settings decide what they return: the time zone, the styles
 * of dates, the locale, the default text search configuration. The key holds all settings of a session, so equal
 * keys have equal results. Chosen one by one: none of them looks at the clock, the catalog's tables or the user.
 * `age` with one argument and `to_reg...` do, for instance, and are not here; nor is what reads values out of texts
 * (`json_to_record`), in which a date may be 'now'.
 */
export const FUNCTIONS_OF_SETTINGS: ReadonlySet<string> = new Set(
  `array_to_json array_to_string concat concat_ws convert convert_from convert_to date_part date_trunc extract
  format generate_series json_agg json_agg_strict json_build_array json_build_object json_object_agg
  json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_agg jsonb_agg_strict
  jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
  jsonb_object_agg_unique_strict length make_timestamptz overlaps phraseto_tsquery plainto_tsquery
  quote_literal quote_nullable row_to_json timezone to_char to_date to_json to_jsonb to_number to_timestamp
  to_tsquery to_tsvector ts_headline websearch_to_tsquery`.split(/\s+/),
);
