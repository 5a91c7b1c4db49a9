/*
 * Where the fields of public structs lie. A program that was compiled with older headers keeps working as long as no
 * line here has to change: a struct of options grows at its end only, any other struct never.
 *
 * A new field at the end of options gets a line here. A line that does not compile any more is a broken promise: move
 * the field back (CONTRIBUTING.md, Public headers and the ABI).
 */
#include <vow/vow.h>

#define FIELD(type, field, offset)                                                                                     \
    _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " has moved: programs would break")
/* The size of a struct that the library fills or reads without asking how large it is. */
#define SIZE(type, size)                                                                                               \
    _Static_assert(sizeof(struct type) == (size), #type " has another size now: programs would break")
#define VALUE(name, value) _Static_assert((name) == (value), #name " has another value now: programs would break")

/* Pointers and sizes have 8 bytes wherever Vow is tested. */
#if UINTPTR_MAX == UINT64_MAX

FIELD(vow_client_options, size, 0);
FIELD(vow_client_options, coordinator, 8);
FIELD(vow_client_options, name, 16);
FIELD(vow_client_options, timeout_ms, 24);
FIELD(vow_client_options, in_flight_max, 28);
FIELD(vow_client_options, loop, 32);
FIELD(vow_client_options, base, 40);

FIELD(vow_saga_options, size, 0);
FIELD(vow_saga_options, deadline_ms, 8);
FIELD(vow_saga_options, reserved, 12);
FIELD(vow_saga_options, key, 16);

FIELD(vow_saga_step, size, 0);
FIELD(vow_saga_step, participant, 8);
FIELD(vow_saga_step, action, 16);
FIELD(vow_saga_step, compensation, 24);
FIELD(vow_saga_step, payload, 32);
FIELD(vow_saga_step, len, 40);
FIELD(vow_saga_step, kind, 48);
FIELD(vow_saga_step, parallel, 52);
FIELD(vow_saga_step, attempts_max, 56);
FIELD(vow_saga_step, attempt_ms, 60);
FIELD(vow_saga_step, deadline_ms, 64);
FIELD(vow_saga_step, backoff_ms, 68);
FIELD(vow_saga_step, backoff_max_ms, 72);

FIELD(vow_saga_result, id, 0);
FIELD(vow_saga_result, state, 28);
FIELD(vow_saga_result, cause, 32);
FIELD(vow_saga_result, error, 36);
FIELD(vow_saga_result, step, 40);
FIELD(vow_saga_result, text, 44);
SIZE(vow_saga_result, 248);

FIELD(vow_participant_options, size, 0);
FIELD(vow_participant_options, name, 8);
FIELD(vow_participant_options, path, 16);
FIELD(vow_participant_options, coordinator, 24);
FIELD(vow_participant_options, store, 32);
FIELD(vow_participant_options, schema, 40);
FIELD(vow_participant_options, lock_policy, 48);
FIELD(vow_participant_options, lock_wait_ms, 52);
FIELD(vow_participant_options, lock_grace_ms, 56);
FIELD(vow_participant_options, resource, 64);
FIELD(vow_participant_options, loop, 72);
FIELD(vow_participant_options, base, 80);
FIELD(vow_participant_options, branches_max, 88);
FIELD(vow_participant_options, heuristic_timeout_ms, 92);
FIELD(vow_participant_options, heuristic, 96);
FIELD(vow_participant_options, peer_listen, 104);
FIELD(vow_participant_options, peer_announce, 112);
FIELD(vow_participant_options, step_retention_ms, 120);
FIELD(vow_participant_options, inbox_retention_ms, 128);
FIELD(vow_participant_options, outbox_max, 136);
FIELD(vow_participant_options, reserved, 140);
FIELD(vow_participant_options, outbox_archive_max, 144);
FIELD(vow_participant_options, decision_timeout_ms, 148);

FIELD(vow_participant_stats, prepared, 0);
FIELD(vow_participant_stats, committed, 8);
FIELD(vow_participant_stats, aborted, 16);
FIELD(vow_participant_stats, read_only, 24);
FIELD(vow_participant_stats, refused, 32);
FIELD(vow_participant_stats, one_phase, 40);
FIELD(vow_participant_stats, in_doubt, 48);
FIELD(vow_participant_stats, in_doubt_max_ms, 56);
FIELD(vow_participant_stats, store_commits, 64);
FIELD(vow_participant_stats, connected, 72);
FIELD(vow_participant_stats, heuristics, 80);
FIELD(vow_participant_stats, contradicted, 88);
FIELD(vow_participant_stats, unforgotten, 96);
FIELD(vow_participant_stats, blocked, 104);
FIELD(vow_participant_stats, asked_peers, 112);
FIELD(vow_participant_stats, answered_peers, 120);
FIELD(vow_participant_stats, ended_by_peers, 128);
FIELD(vow_participant_stats, steps_done, 136);
FIELD(vow_participant_stats, steps_refused, 144);
FIELD(vow_participant_stats, events_published, 152);
FIELD(vow_participant_stats, events_unwanted, 160);
FIELD(vow_participant_stats, events_handled, 168);
FIELD(vow_participant_stats, events_refused, 176);
FIELD(vow_participant_stats, outbox_len, 184);

FIELD(vow_event, size, 0);
FIELD(vow_event, topic, 8);
FIELD(vow_event, key, 16);
FIELD(vow_event, payload, 24);
FIELD(vow_event, len, 32);
FIELD(vow_event, version, 40);
FIELD(vow_event, headers_len, 44);
FIELD(vow_event, headers, 48);
FIELD(vow_event, id, 56);
FIELD(vow_event, deadline_ms, 64);
FIELD(vow_event, reserved, 68);

FIELD(vow_event_header, name, 0);
FIELD(vow_event_header, value, 8);
SIZE(vow_event_header, 16);

FIELD(vow_received_event, size, 0);
FIELD(vow_received_event, topic, 8);
FIELD(vow_received_event, key, 16);
FIELD(vow_received_event, payload, 24);
FIELD(vow_received_event, len, 32);
FIELD(vow_received_event, version, 40);
FIELD(vow_received_event, headers_len, 44);
FIELD(vow_received_event, headers, 48);
FIELD(vow_received_event, source, 56);
FIELD(vow_received_event, key_seq, 64);
FIELD(vow_received_event, offset, 72);
FIELD(vow_received_event, wall_us, 80);
FIELD(vow_received_event, id, 88);
FIELD(vow_received_event, hops, 116);
FIELD(vow_received_event, attempt, 120);
FIELD(vow_received_event, deadline_us, 128);

FIELD(vow_reaction, on, 0);
FIELD(vow_reaction, handler, 8);
FIELD(vow_reaction, ctx, 16);
FIELD(vow_reaction, version_max, 24);
FIELD(vow_reaction, reserved, 28);
FIELD(vow_reaction, publishes, 32);
FIELD(vow_reaction, publishes_len, 40);
SIZE(vow_reaction, 48);

FIELD(vow_subscription, size, 0);
FIELD(vow_subscription, group, 8);
FIELD(vow_subscription, reactions, 16);
FIELD(vow_subscription, reactions_len, 24);
FIELD(vow_subscription, key, 32);
FIELD(vow_subscription, filters, 40);
FIELD(vow_subscription, filters_len, 48);
FIELD(vow_subscription, from, 52);
FIELD(vow_subscription, window, 56);
FIELD(vow_subscription, attempts_max, 60);
FIELD(vow_subscription, backoff_ms, 64);
FIELD(vow_subscription, backoff_max_ms, 68);
FIELD(vow_subscription, offset, 72);

FIELD(vow_resource, size, 0);
FIELD(vow_resource, ctx, 8);
FIELD(vow_resource, prepare, 16);
FIELD(vow_resource, commit, 24);
FIELD(vow_resource, abort, 32);
FIELD(vow_resource, recover, 40);
FIELD(vow_resource, forget, 48);
FIELD(vow_resource, answers_max, 56);

FIELD(vow_work, handler, 0);
FIELD(vow_work, payload, 8);
FIELD(vow_work, len, 16);
SIZE(vow_work, 24);

FIELD(vow_answer, of, 0);
FIELD(vow_answer, ticket, 8);
SIZE(vow_answer, 16);

FIELD(vow_call, participant, 0);
FIELD(vow_call, handler, 8);
FIELD(vow_call, payload, 16);
FIELD(vow_call, len, 24);
SIZE(vow_call, 32);

FIELD(vow_result, id, 0);
FIELD(vow_result, outcome, 28);
FIELD(vow_result, cause, 32);
FIELD(vow_result, error, 36);
FIELD(vow_result, participant, 40);
FIELD(vow_result, text, 104);
SIZE(vow_result, 308);

FIELD(vow_error_detail, error, 0);
FIELD(vow_error_detail, text, 4);
SIZE(vow_error_detail, 260);

#endif

SIZE(vow_gtrid, 26);
VALUE(VOW_GTRID_TEXT_SIZE, 43);

VALUE(VOW_COMMITTED, 1);
VALUE(VOW_ABORTED, 2);
VALUE(VOW_UNKNOWN, 3);
VALUE(VOW_PENDING, 4);

VALUE(VOW_STEP_COMPENSATABLE, 1);
VALUE(VOW_STEP_PIVOT, 2);
VALUE(VOW_STEP_RETRIABLE, 3);

VALUE(VOW_SAGA_UNKNOWN, 0);
VALUE(VOW_SAGA_RUNNING, 1);
VALUE(VOW_SAGA_COMPENSATING, 2);
VALUE(VOW_SAGA_STUCK_FORWARD, 3);
VALUE(VOW_SAGA_STUCK_COMPENSATING, 4);
VALUE(VOW_SAGA_COMPLETED, 5);
VALUE(VOW_SAGA_COMPENSATED, 6);
VALUE(VOW_SAGA_CLOSED, 7);

VALUE(VOW_CLASS_OK, 0);
VALUE(VOW_CLASS_USAGE, 1);
VALUE(VOW_CLASS_RETRY, 2);
VALUE(VOW_CLASS_REFUSED, 3);
VALUE(VOW_CLASS_UNKNOWN, 4);
VALUE(VOW_CLASS_PROTOCOL, 5);
VALUE(VOW_CLASS_FATAL, 6);

VALUE(VOW_LOG_NONE, 0);
VALUE(VOW_LOG_ERROR, 1);
VALUE(VOW_LOG_WARN, 2);
VALUE(VOW_LOG_INFO, 3);
VALUE(VOW_LOG_DEBUG, 4);

VALUE(VOW_STORE_KIND_SQLITE, 0);
VALUE(VOW_STORE_KIND_NULL, 1);
VALUE(VOW_STORE_KIND_RESOURCE, 2);

VALUE(VOW_LOCK_WAIT_DIE, 0);
VALUE(VOW_LOCK_FAIL_FAST, 1);

VALUE(VOW_LOOP_OWN_THREAD, 0);
VALUE(VOW_LOOP_BASE, 1);
VALUE(VOW_LOOP_FD, 2);

VALUE(VOW_SAID_LATER, 1);
VALUE(VOW_SAID_YES, 2);
VALUE(VOW_SAID_NO, 3);
VALUE(VOW_SAID_READ_ONLY, 4);
VALUE(VOW_SAID_DONE, 5);
VALUE(VOW_SAID_UNKNOWN, 6);
VALUE(VOW_SAID_TRY_AGAIN, 7);
VALUE(VOW_SAID_BROKEN, 8);
VALUE(VOW_FOUND_PREPARED, 1);
VALUE(VOW_FOUND_COMMITTED, 2);
