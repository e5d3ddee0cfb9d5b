/**
 * PostgreSQL's own functions that neither write nor leave state in the session, as data.
 *
 * From `pg_proc` of PostgreSQL 17, schema pg_catalog: what is not volatile and can be called from SQL, without the
 * functions behind operators and casts, and those that read statistics for views; and the volatile ones that read or
 * wait only. A function that is not listed counts as one that may do anything.
 */
const NOT_VOLATILE = `
  abbrev abs acos acosd acosh age any_value area array_agg array_append array_cat array_dims array_fill array_length
  array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_to_json
  array_to_string array_to_tsvector array_upper arraycontained arraycontains arrayoverlap ascii asin asind asinh atan
  atan2 atan2d atand atanh avg bit bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or box bpchar
  broadcast cardinality cbrt ceil ceiling center char char_length character_length chr cidr circle col_description
  concat concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp cume_dist
  current_database current_schema current_schemas current_setting current_user date date_add date_bin date_part
  date_subtract date_trunc datemultirange daterange decode degrees dense_rank div encode enum_first enum_last
  enum_range erf erfc every exp extract factorial family first_value float4 float8 floor format format_type gcd
  generate_series generate_subscripts get_bit get_byte get_current_ts_config has_any_column_privilege
  has_column_privilege has_database_privilege has_function_privilege has_schema_privilege has_table_privilege
  hash_array hashtext hashtextextended host hostmask in_range inet_client_addr inet_client_port inet_merge
  inet_same_family inet_server_addr inet_server_port initcap int2 int4 int4mul int4multirange int4pl int4range int8
  int8multirange int8pl int8range interval is_normalized isempty isfinite json_agg json_array_element
  json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
  json_each_text json_extract_path json_extract_path_text json_object json_object_agg json_object_field_text
  json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record json_to_recordset
  json_to_tsvector json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length
  jsonb_build_array jsonb_build_object jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path
  jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
  jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match
  jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
  jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
  jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
  jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead left length like
  line ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr macaddr8 make_date make_interval make_time
  make_timestamp make_timestamptz masklen max md5 min min_scale mod mode money multirange name netmask network
  normalize now nth_value ntile num_nonnulls num_nulls numeric numeric_div_trunc nummultirange numnode numrange
  obj_description octet_length oid overlaps overlay parse_ident path percent_rank percentile_cont percentile_disc
  pg_backend_pid pg_client_encoding pg_collation_for pg_column_size pg_current_snapshot pg_current_xact_id
  pg_current_xact_id_if_assigned pg_describe_object pg_function_is_visible pg_get_constraintdef pg_get_expr
  pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_functiondef
  pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
  pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid pg_get_viewdef
  pg_has_role pg_input_error_info pg_input_is_valid pg_lsn pg_partition_root pg_postmaster_start_time pg_size_bytes
  pg_size_pretty pg_table_is_visible pg_tablespace_location pg_type_is_visible pg_typeof pg_visible_in_snapshot
  pg_wal_lsn_diff phraseto_tsquery pi plainto_tsquery point polygon position pow power querytree quote_ident
  quote_literal quote_nullable radians range_agg range_contains range_intersect_agg range_merge rank regclass
  regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
  regr_sxy regr_syy repeat replace reverse right round row_number row_security_active row_to_json rpad rtrim scale
  session_user set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512 shobj_description sign
  similar_to_escape sin sind sinh split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp
  string_agg string_to_array string_to_table strip strpos substr substring sum system_user table_to_xml tan tand tanh
  text textcat time timestamp timestamptz timetz timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb
  to_number to_oct to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure
  to_regrole to_regtype to_regtypemod to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array
  trim_scale trunc ts_debug ts_delete ts_filter ts_headline ts_lexize ts_match_qv ts_match_vq ts_parse ts_rank
  ts_rank_cd ts_token_type tsmultirange tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array txid_current
  txid_current_if_assigned txid_current_snapshot txid_visible_in_snapshot unicode_assigned unistr unnest upper
  upper_inc upper_inf uuid_extract_timestamp uuid_extract_version var_pop var_samp varbit varchar variance version
  websearch_to_tsquery width_bucket xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document
  xmlagg xmlcomment xmlconcat2 xmlexists xmltext xmlvalidate xpath xpath_exists
`

/** Volatile because their result changes; they change nothing. Transaction locks end with the transaction. */
const VOLATILE = `
  array_sample array_shuffle clock_timestamp current_query currval gen_random_uuid lastval pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_blocking_pids pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
  pg_database_size pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_last_committed_xact
  pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_notification_queue_usage
  pg_partition_ancestors pg_partition_tree pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_last_value
  pg_sleep pg_sleep_for pg_sleep_until pg_stat_clear_snapshot pg_table_size pg_tablespace_size pg_total_relation_size
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_xact_commit_timestamp pg_xact_status random
  random_normal timeofday txid_status
`

/** They change their session and nothing else. */
const SESSION_ONLY = `
  pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
  pg_try_advisory_lock pg_try_advisory_lock_shared set_config setseed
`

const setOf = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\s+/))

interface Harmless {
  readonly notVolatile: ReadonlySet<string>
  readonly volatile: ReadonlySet<string>
}

let harmless: Harmless | undefined
let session: ReadonlySet<string> | undefined

/** Built-in functions that neither write nor leave state behind; split for the first text that is examined. */
export const harmlessFunctions = (): Harmless =>
  (harmless ??= { notVolatile: setOf(NOT_VOLATILE), volatile: setOf(VOLATILE) })

/** Built-in functions that change the session and nothing that outlives it. */
export const sessionFunctions = (): ReadonlySet<string> => (session ??= setOf(SESSION_ONLY))

/** Whether a built-in function neither writes nor leaves state behind. */
export const isHarmlessFunction = (name: string): boolean =>
  harmlessFunctions().notVolatile.has(name) || harmlessFunctions().volatile.has(name)
