/**
 * The functions of MySQL and MariaDB that we know. A call of any other may do anything.
 * https://dev.mysql.com/doc/refman/9.7/en/built-in-function-reference.html, https://mariadb.com/kb/en/function-and-operator-reference/
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * Equal arguments have equal results, while tables and the settings of the session stay as they are. Not here,
 * because today's date or the arguments' number may decide: what makes a TIME, which becomes a date by way of
 * today's (TIMEDIFF, MAKETIME, SEC_TO_TIME, ADDTIME, SUBTIME, STR_TO_DATE, CURTIME, CAST ... AS TIME).
 */
export const CACHEABLE_FUNCTIONS = words(`
  abs acos adddate add_months aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and
  bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charset chr coalesce
  coercibility collation compress concat concat_ws conv convert convert_tz cos cot count crc32 crc32c cume_dist date
  date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear degrees dense_rank elt exp
  export_set extract extractvalue field find_in_set first_value floor format from_base64 from_days from_unixtime
  greatest group_concat grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr is_ipv4
  is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append json_array_insert json_arrayagg
  json_compact json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract
  json_insert json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize
  json_object json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace
  json_schema_valid json_search json_set json_table json_type json_unquote json_valid json_value lag last_day
  last_value lcase lead least left length ln locate log log10 log2 lower lpad ltrim make_set makedate match max md5
  microsecond mid min minute mod month monthname natural_sort_key nth_value ntile nullif nvl nvl2 oct octet_length
  ord percent_rank period_add period_diff pi position pow power quarter quote radians rank regexp_instr regexp_like
  regexp_replace regexp_substr repeat replace reverse right round row_number rpad rtrim second sha sha1 sha2 sign
  sin soundex space sqrt st_asgeojson st_asbinary st_astext st_aswkb st_aswkt st_contains st_crosses st_disjoint
  st_distance st_distance_sphere st_equals st_geomfromtext st_geometryfromtext st_geomfromwkb st_intersects
  st_latitude st_length st_longitude st_overlaps st_srid st_touches st_within st_x st_y std stddev stddev_pop
  stddev_samp strcmp subdate substr substring substring_index sum tan time_format time_to_sec timestamp timestampadd
  timestampdiff to_base64 to_days to_seconds trim truncate ucase uncompress uncompressed_length unhex upper
  updatexml uuid_to_bin var_pop var_samp variance week weekday weekofyear weight_string year yearweek`);

/** They change no table, but their results are another each time, or in another session. */
export const MOVING_FUNCTIONS = words(`
  addtime analyse benchmark binlog_gtid_pos charset_name connection_id curdate current_date current_role current_time
  current_timestamp current_user curtime database encrypt found_rows get_lock icu_version is_free_lock is_used_lock
  last_insert_id lastval load_file localtime localtimestamp maketime master_gtid_wait master_pos_wait name_const nextval now
  old_password password ps_current_thread_id ps_thread_id rand random_bytes release_all_locks release_lock
  roles_graphml row_count rownum schema sec_to_time setval session_user sformat sleep source_pos_wait statement_digest
  statement_digest_text str_to_date subtime sys_guid sysdate system_user time timediff to_char unix_timestamp user
  utc_date utc_time utc_timestamp uuid uuid_short uuid_v4 uuid_v7 validate_password_strength version
  wait_for_executed_gtid_set wsrep_last_seen_gtid wsrep_last_written_gtid`);

/** What may stand in front of a parenthesis and calls nothing. */
export const NO_FUNCTIONS = words(`
  against all and any as between bigint binary bit blob by case char character check columns cross date datetime dec
  decimal distinct distinctrow div double else elseif enum except exists fixed float for from group having if ignore
  in index int integer intersect interval into is join key lateral like limit longblob longtext mediumint member mod
  national nchar not numeric nvarchar of offset on or order over partition primary real references regexp repeat
  return returning rlike row rows select separator set smallint some straight_join table text then time timestamp
  tinyint tinytext to union unique until using value values varbinary varchar when where while with xor year`);
