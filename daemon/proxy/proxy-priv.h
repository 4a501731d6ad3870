/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the proxy share: the room's state, connections and requests. */
#pragma once

#include "daemon/config/config.h"
#include "daemon/proxy/address-count.h"
#include "daemon/proxy/explain.h"
#include "daemon/proxy/proxy.h"
#include "daemon/proxy/workspace.h"
#include "lib/lock.h"
#include "lib/lanes.h"
#include "lib/roster.h"
#include "lib/stream.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <stdatomic.h>

/* --- the room --------------------------------------------------------------------------------- */

typedef struct
{
  ProxyOptions options; /* constant after proxy_start () */
  int fd_ceiling; /* descriptors from here on are for those who are in: their origins, the API,
                     agents; constant likewise */
  P2pLanes *lanes;      /* (owned) */
  P2pRoster roster;     /* of client connections; those handed to a relay are not listed any more */
  atomic_bool stopping; /* no further request on a connection */
  atomic_bool cutting;  /* the drain is over: relays end */
  atomic_uint n_conns;
  atomic_size_t n_early; /* bytes that connections keep of heads */
  atomic_uint_fast64_t n_requests;
  atomic_uint n_exchanges; /* requests on their way to an origin and back, see request_enter () */
} Proxy;
extern Proxy proxy;

/* Once a second, from the acceptor's thread. */
void proxy_tidy (void);

/* --- a listener that runs --------------------------------------------------------------------- */

/* Reference counted and constant: the table of listeners holds one, each connection another. */
typedef struct
{
  int64_t id;
  P2pTlsServer *tls; /* (owned) (nullable: plain HTTP) */
} ListenerRef;

ListenerRef *listener_ref (ListenerRef *listener);
void listener_unref (ListenerRef *listener);

/* The table of listeners and the acceptor's thread (listeners.c). */
bool listeners_start (GError **error);
void listeners_stop (void);

/* --- a connection ----------------------------------------------------------------------------- */

typedef enum
{
  CONN_SOURCE,    /* a trusted proxy's PROXY header, and nothing else yet */
  CONN_HANDSHAKE, /* TLS, and nothing else yet */
  CONN_HEAD,      /* between requests, or a head has begun */
  CONN_EXCHANGE,  /* the origin has a whole request and is silent: ws has all of it */
  CONN_LINGER, /* our answer is out, their bytes are thrown away so that it is not lost to a RST */
} ConnPhase;

typedef struct Conn Conn;
struct Conn
{
  P2pParked parked;
  P2pStream *strm;       /* (owned) */
  ListenerRef *listener; /* (owned) */
  P2pRosterEntry listed; /* (proxy.roster) */
  AddressCount *count;   /* (owned) (nullable: a Unix socket) its place there */
  ConnPhase phase;
  int64_t deadline_us;          /* of the phase */
  Workspace *ws;                /* (owned) (nullable) CONN_EXCHANGE, while parked */
  unsigned header_versions;     /* CONN_SOURCE: P2P_PROXY_HEADER_V1 and _V2 */
  char *early; /* (owned) (nullable) bytes of a head or PROXY header that began, while parked */
  size_t n_early;
  /* Who connected: the peer, or whom a trusted proxy's PROXY header names; "unix" for Unix sockets.
   */
  char address[INET6_ADDRSTRLEN];
  uint16_t port;
};

/* Takes over fd and its place in the count; lane: where it stays. Called by the acceptor. */
void conn_new (int take_fd,
               P2pPool *lane,
               ListenerRef *listener,
               const struct sockaddr *peer,
               AddressCount *take_count);

/* The versions of the PROXY header that the peer has to send there; 0: none (conn-source.c). */
unsigned conn_wanted_header (int64_t listener_id, const struct sockaddr *peer);
/* Reads what is there of the header, and nothing else. P2P_IO_OK: it was whole, and address, port
 * and count are whose it says; P2P_IO_AGAIN: park; P2P_IO_OVERFLOW: whole, but that one has as many
 * connections as it may; all else: end. */
P2pIo conn_read_header (Conn *conn);

/* What has come of a head or PROXY header moves into the connection while it waits for more. False:
 * connections keep too much of that already. */
bool conn_keep_early (Conn *conn, const char *buf, size_t n);
void conn_drop_early (Conn *conn);

/* --- a request -------------------------------------------------------------------------------- */

typedef enum
{
  STEP_MORE, /* go on with the next step */
  STEP_DONE, /* answered */
  STEP_PARK, /* to be parked with wait[] until wait_until_us, then request_resume () */
} Step;

typedef enum
{
  AFTER_KEEP,   /* read the next request */
  AFTER_CLOSE,  /* close, when the client has had time to read the answer */
  AFTER_RESET,  /* the answer is not whole: reset the connection */
  AFTER_HANDED, /* the stream belongs to somebody else now (a relay) */
} After;

/* Among the requests that a target, and a target through its agent, has under way; where nobody
 * counts it is empty. */
typedef struct
{
  ConfigTargetState *state; /* (owned reference) (nullable) */
  ConfigPairState *pair;    /* (borrowed: state) (nullable) */
} TargetPlace;

typedef struct
{
  Conn *conn;           /* (borrowed) */
  Workspace *ws;        /* (borrowed: the connection's worker) */
  P2pRequestHead *head; /* (borrowed: ws) */
  size_t head_size;     /* ws->in[head_size..n_in): read behind the head */
  size_t n_in;
  Config *cfg;          /* (owned) (nullable: let go once the answer runs) */
  const ConfigListener *listener; /* (borrowed: cfg) */
  const ConfigRoute *route;       /* (borrowed: cfg) (nullable: none yet) */
  const ConfigTarget *target;     /* (borrowed: cfg) (nullable: none yet) */
  TargetPlace place;              /* where this request counts as active */
  bool entered;         /* counted in proxy.n_exchanges */
  After after;
  size_t rest_start, rest_end; /* ws->in[rest_start..rest_end): the next request's first bytes */
  char id[33];                 /* "" until request_id () made it */
  char client[INET6_ADDRSTRLEN]; /* the one address of the client that everybody uses; "unix" for
                                    Unix sockets */
  bool https;                    /* how the client speaks to us, or to the proxy that we trust */
  size_t chain_start;  /* ws->chain[chain_start..): "client, proxy, ", what trusted proxies say came
                          before the peer */
  P2pStream *relay_to; /* (owned) (nullable) AFTER_HANDED: to be joined with the client's stream */
  ConfigTargetState *relay_target; /* (owned reference) where relay_to counts as a connection */
  P2pSpan relay_early;         /* (borrowed: ws) what the origin sent already */
  P2pWait wait[2];             /* STEP_PARK; their streams may be NULL */
  int64_t wait_until_us;
  /* (borrowed) (nullable) The answer is noted there and not sent; conn has no stream. A step keeps
   * nothing then: no place taken, no turn moved on. */
  ProxyExplanation *explanation;
} Request;

/* The answer needs the configuration no more: an event stream must not keep an old snapshot alive.
 * route, target and listener are NULL afterwards. */
void request_release_config (Request *req);

typedef struct
{
  const char *name;
  Step (*run) (Request *req);
  bool asks; /* talks to somebody else: not for an explanation */
} RequestStep;
/* In their order; the last one answers. */
const RequestStep *request_get_steps (size_t *ret_n);

/* Sets client, https and the chain from the peer and, if it is trusted, from what it says
 * (client.c). */
void request_resolve_client (Request *req);

/* Whether the listener with that id trusts the peer to be a proxy. */
bool client_is_trusted_peer (int64_t listener_id, const struct sockaddr *peer);

/* The head in ws->in[0..n_in), within the limits; as p2p_http1_find_end () and
 * p2p_http1_parse_request () into ws->req. */
P2pHttp1 request_parse_head (Workspace *ws, size_t n_in, size_t *scanned, size_t *ret_size);

/* Walks the steps. ws->in[0..head_size) is a parsed head. STEP_DONE: see after and rest. */
Step request_run (Request *req);
/* Goes on where STEP_PARK was answered. */
Step request_resume (Request *req, P2pWake wake);

/* Leaves it; empty afterwards. */
void target_place_leave (TargetPlace *place);

/* The target serves this request, through that agent (0: directly), until it ends or another one
 * does. False: it has as many as it may have. */
bool request_count_target (Request *req, int64_t agent_id);
/* It has done its part. May be called again. */
void request_uncount_target (Request *req);

/* The request is on its way to an origin, until it ends or request_leave (). False: there are as
 * many as there may be. */
bool request_enter (Request *req);
/* It has done its part: to be called before its client can know, whose next request must not find
 * this one. May be called again. */
void request_leave (Request *req);

/* 32 hex digits, made at the first call. */
const char *request_id (Request *req);

/* The steps, each in a file of its own. */
Step step_check (Request *req);
Step step_misdirected (Request *req);
Step step_path (Request *req);
Step step_route (Request *req);
Step step_redirect (Request *req);
Step step_target (Request *req);
Step step_static (Request *req);
Step step_forward (Request *req);
Step step_forward_resume (Request *req, P2pWake wake);

/* --- answers of our own (answer.c) ------------------------------------------------------------ */

/* A short plain page with the request's id. Reads nothing; if the request has a body that has not
 * been read, the connection closes afterwards. */
Step answer_error (Request *req, unsigned status, const char *detail);
/* How bytes that never became a request are answered. */
typedef struct
{
  unsigned status;
  P2pSpan detail; /* static */
} HeadRefusal;
HeadRefusal answer_judge_head (P2pHttp1 http, P2pSpan reason_bad);
/* For bytes that never became a request. */
void answer_bad_head (Conn *conn, Workspace *ws, unsigned status, const char *detail);
/* What no target need be asked about. */
#define ALLOW_FIELD "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
/* fields: raw "Name: value\r\n" lines. */
Step answer_whole (Request *req, unsigned status, P2pSpan fields, P2pSpan body);

/* --- explanations (explain.c) ----------------------------------------------------------------- */

/* Of a step that answers a request which is only explained. */
void explanation_note_answer (ProxyExplanation *explanation, unsigned status, P2pSpan fields);
void explanation_note_error (ProxyExplanation *explanation, unsigned status, const char *detail);
