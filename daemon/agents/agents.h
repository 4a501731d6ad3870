/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Agents: who is connected, the tunnels' acceptance, and streams through them.
 *
 * Any thread. agents_open () blocks to its deadline at most; the others take short locks only,
 * unless said. */
#pragma once

#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/http1.h"
#include "lib/stream.h"

#include <glib.h>
#include <sys/socket.h>

typedef struct
{
  unsigned agents_max;  /* connected at once: 503 beyond */
  unsigned max_streams; /* of one agent */
  unsigned workers_max; /* threads for probes */
  uint64_t memory_max;  /* bytes that all tunnels' streams may hold */
  int64_t drain_ms;     /* of a displaced or ending session */
  int64_t ping_interval_ms;
  bool client_certificates; /* needed besides the token */
  Store *store; /* (borrowed) (nullable: no history) for the history of sessions */
} AgentsOptions;

bool agents_start (const AgentsOptions *options, GError **error);
/* GOAWAY 0 to all, streams end until the deadline, then the sessions close; joins their threads. */
void agents_stop (int64_t deadline_us);

/* Judges GET /agent/tunnel and answers it as tunnel.md says; takes over the stream in every case
 * (on the calling worker of the management pool; blocks while it writes the short answer). early:
 * bytes already read behind the head. certified: as agents_want_certificate () asks. */
void agents_handle_tunnel (P2pStream *take_strm,
                           const P2pRequestHead *head,
                           P2pSpan early,
                           const struct sockaddr *peer,
                           bool certified);

/* Whether an agent needs a client certificate besides its token. Constant after the start. */
bool agents_want_certificate (void);

typedef enum
{
  AGENT_OFFLINE,
  AGENT_DEGRADED,
  AGENT_CONNECTED,
} AgentState;

typedef struct
{
  int64_t memory_bytes, threads, active_requests, requests_ok, requests_failed, requests_denied,
      bytes_received, bytes_sent;
  double cpu_percent;
  char version[32];
} AgentReport; /* the last POST /api/v1/agent/stats */

typedef struct
{
  AgentState state;
  char reported_name[128];
  char version[32];
  char address[64];
  int64_t connected_at_ms, disconnected_at_ms; /* UTC; 0: never */
  double round_trip_ms;                        /* negative: not measured yet */
  unsigned active_requests;                    /* streams open now */
  uint64_t bytes_in, bytes_out, streams, resets, window_bytes, queued_bytes;
  bool disputed; /* two instances displace each other: from which addresses, since when */
  char dispute_addresses[2][64]; /* the first has the place */
  int64_t dispute_since_ms;      /* UTC */
  bool has_report;
  AgentReport report;
} AgentStatus;

/* What is known of the agent that runs; one never seen is AGENT_OFFLINE with zeros. */
void agents_get_status (int64_t id, AgentStatus *ret_status);

/* Ends its session, if any: token rotated, agent disabled or deleted. */
void agents_disconnect (int64_t id, const char *why);

/* The agent that owns this bearer token under this public id: the id, or 0. The same time for a
 * wrong token and an unknown id. */
int64_t agents_authenticate (P2pSpan public_id, P2pSpan token);

/* Stores a report for agents_get_status () and agents_copy_reports (). */
void agents_report (int64_t id, const AgentReport *report);

typedef struct
{
  int64_t at_ms; /* UTC */
  AgentReport report;
  double round_trip_ms; /* as the daemon measured it; negative: it was not */
  unsigned streams;     /* open then */
} AgentReportPoint;

/* What it reported since then (UTC), as far as it is remembered: the last report of each minute for
 * an hour, of each quarter of an hour for a day. Oldest first, of AgentReportPoint; the caller owns
 * it. */
GArray *agents_copy_reports (int64_t id, int64_t since_ms);

typedef struct
{
  const Config *cfg;
  const ConfigTarget *target;
  int64_t now_us;        /* p2p_now_us () */
  const int64_t *except; /* (borrowed) (nullable) ids of those that were tried */
  unsigned n_except;
} AgentQuestion;

typedef enum
{
  AGENT_CHOICE_OK,
  AGENT_CHOICE_NONE,     /* no agent matches, or none that does is connected */
  AGENT_CHOICE_UNUSABLE, /* those that are connected are unhealthy or cooling down for this target
                          */
} AgentChoice;

/* By the target's policy. ret_agent_id (nullable): without it nobody's turn moves on. */
AgentChoice agents_choose (const AgentQuestion *question, int64_t *ret_agent_id);

/* One of those that are connected and cool down for this target, each at most once in interval_us
 * (0: never). False: none. */
bool
agents_choose_trial (const AgentQuestion *question, int64_t interval_us, int64_t *ret_agent_id);

/* Why no stream came: for the answer to the client and the log. */
typedef enum
{
  AGENT_OPEN_OK,
  AGENT_OPEN_NONE,       /* no agent matches, or none that does is connected: 503 */
  AGENT_OPEN_OVERLOADED, /* 503 */
  AGENT_OPEN_REFUSED,    /* it refuses streams at the moment: elsewhere, or later */
  AGENT_OPEN_TIMEOUT,    /* 504 */
  AGENT_OPEN_FAILED,     /* 502 */
} AgentOpen;

/* Opens a stream to the target's host and port through that agent, if it matches the target's
 * selector. The open request goes out together with the first bytes written; the agent's answer is
 * read before the first byte that p2p_stream_read () gives: if it says no, the read answers
 * P2P_IO_REFUSED and agents_stream_error () tells why. */
AgentOpen agents_open (const Config *cfg,
                       const ConfigTarget *target,
                       const char *request_id,
                       int64_t deadline_us,
                       int64_t agent_id,
                       P2pStream **ret_strm);

/* Whether it takes new streams now. */
bool agents_is_connected (int64_t id);

/* Whether the agent has told if it got through. For the thread that reads; strm is one of
 * agents_open (). */
bool agents_stream_is_answered (P2pStream *strm);

/* Whether its session drains: no request should begin on it. strm is one of agents_open (); any
 * thread. */
bool agents_stream_is_leaving (P2pStream *strm);

/* After it failed: whether the agent never saw it, so that what was written may be sent elsewhere.
 * strm is one of agents_open (). */
bool agents_stream_is_unseen (P2pStream *strm);

/* error_kind of the agent's refusal, static text ("dial_failed", "denied", ...), or NULL when there
 * was none. strm is one of agents_open (). */
const char *agents_stream_error (P2pStream *strm);
