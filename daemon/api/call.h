/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One call of the API, without any socket: what came, what handlers see of it, what goes back.
 *
 * api_handle () may be called by any thread that may block on the disk, after api_core_start (). A
 * call belongs to the thread that handles it. */
#pragma once

#include "daemon/api/api.h"
#include "daemon/api/auth.h"
#include "daemon/api/fields.h"
#include "daemon/api/problem.h"

#include <json-glib/json-glib.h>

typedef struct
{
  P2pSpan method, path, query; /* (borrowed) all of them */
  P2pSpan host; /* the Host field as it came */
  P2pSpan authorization, cookie, content_type, if_match, origin, sec_fetch_site, user_agent,
      agent_id;
  P2pSpan body;
  const char *address; /* of the peer, without port */
  bool certified;      /* it showed a certificate of the agents' CA */
} ApiInput;

typedef struct
{
  unsigned status;
  GString *fields; /* (owned) lines with CRLF: all but Date, Connection and Content-Length */
  char *body;      /* (owned) (nullable) */
  size_t n_body;
  int file_fd; /* (owned) -1: none; else it is the body, from its beginning on */
  uint64_t n_file;
} ApiAnswer;

void api_answer_clear (ApiAnswer *answer);

typedef struct ApiCall ApiCall;

/* NULL without an error is 204. */
typedef JsonNode *(*ApiHandler) (ApiCall *call, GError **error);

enum
{
  API_BODY = 1 << 0,   /* takes a JSON object */
  API_CONFIG = 1 << 1, /* a change of configuration: dry_run */
  API_LIST = 1 << 2,   /* limit and cursor */
};

typedef struct
{
  const char *method;
  const char *pattern; /* with "{id}" or "{name}" */
  ApiHandler handler;
  ApiAction action;
  unsigned flags;
  const char *query; /* further parameters, comma separated */
} ApiRoute;

struct ApiCall
{
  const ApiInput *in;    /* (borrowed) */
  const ApiRoute *route; /* (borrowed) (nullable) */
  char request_id[33];
  int64_t id;             /* {id} of the path; 0: none */
  P2pSpan name;           /* {name} of the path, as it came: anything but a slash */
  GHashTable *query;      /* (owned) name to value, decoded */
  ApiPrincipal principal;
  JsonNode *body;         /* (owned) (nullable) */
  bool dry_run;
  ApiFieldErrors *errors; /* (owned) */

  /* The answer, as far as the handler has more to say than its JSON. */
  unsigned status;     /* 0: 200, or 204 */
  unsigned retry_after; /* seconds; 0: none */
  int64_t version;     /* ETag; 0: none */
  char *location;      /* (owned) (nullable) */
  char *cookie;        /* (owned) (nullable) Set-Cookie */
  char *secret;        /* (owned) (nullable) wiped at the end: a token that is shown once */
  const char *text;    /* (nullable) static: the answer when it is no JSON */
  const char *text_type;
  int file_fd; /* (owned) -1: none; else a file of n_file bytes is the answer */
  uint64_t n_file;
};

/* Never fails: what goes wrong is an answer. api_answer_clear () it. */
void api_handle (const ApiInput *in, ApiAnswer *ret_answer);
/* The answer to what never became a call: a malformed head, a body too large. */
void api_answer_problem (ApiAnswer *ret_answer, ApiProblem problem, const char *text);

/* The table, for the tests that are made from it. */
const ApiRoute *api_routes (unsigned *ret_n);

/* What the handlers share: constant between api_core_start () and api_core_stop (). */
typedef struct
{
  ApiOptions options;
  int64_t started_at_ms;
  char *public_url;  /* (owned) (nullable) */
  char *install_source_url; /* (owned) "": our own copy */
  char *packages_dir;       /* (owned) (nullable) of that copy */
  uint16_t port;     /* the bound one: part of the cookie's name */
  const char *scheme; /* "https" */
} ApiCore;

/* Everything but the listener: enough for api_handle (). Before the threads that call it. */
bool api_core_start (const ApiOptions *options, GError **error);
void api_core_set_port (uint16_t port);
void api_core_stop (void);
const ApiCore *api_core (void);
bool api_is_ready (void);

/* --- For handlers ----------------------------------------------------------------------------- */

/* A member of the query, or NULL. */
const char *api_call_query (ApiCall *call, const char *name);
/* limit and cursor. */
bool api_call_page (ApiCall *call, unsigned *ret_limit, int64_t *ret_cursor, GError **error);
/* {"items": items, "next_cursor": cursor or null}; takes items. */
JsonNode *api_page_new (JsonArray *take_items, int64_t next_cursor);
/* False with API_PROBLEM_CHANGED when If-Match does not name this version. */
bool api_call_match (ApiCall *call, int64_t version, GError **error);
/* One audit row for what is no change of configuration; before and after are (nullable). */
bool api_call_audit (ApiCall *call,
                     StoreTx *tx,
                     const char *action,
                     const char *resource,
                     int64_t object_id,
                     const char *after,
                     GError **error);
