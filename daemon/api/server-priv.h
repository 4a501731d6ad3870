/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the management listener's files share: server.c (listener, limits, start and stop), conn.c
 * (a connection's life), exchange.c (one request's bytes). */
#pragma once

#include "daemon/api/call.h"
#include "lib/http1.h"
#include "lib/pool.h"

#include <sys/socket.h>

#define API_HEAD_MAX 32768
#define API_BODY_MAX 1048576
#define API_BUFFERS_MAX (64 * 1048576) /* bytes of heads and bodies, all connections together */

/* --- server.c --------------------------------------------------------------------------------- */

P2pPool *api_server_pool (void);
/* Counts a connection of this address; false at a limit. */
bool api_server_admit (const char *address);
void api_server_dismiss (const char *address);
/* Takes from the budget of buffers; false when it is spent. */
bool api_server_reserve (size_t n_bytes);
void api_server_release (size_t n_bytes);

/* What new connections are accepted with: a new reference, or NULL for plain HTTP. */
P2pTlsServer *api_server_ref_tls (void);

/* --- conn.c ----------------------------------------------------------------------------------- */

void api_conns_setup (void);
/* After the last one is gone. */
void api_conns_teardown (void);
/* Takes over the descriptor. The acceptor's thread. */
void api_conn_new (int take_fd, const struct sockaddr_storage *peer);
/* Ends the transports of all that are still open. */
void api_conns_cut (void);

/* --- exchange.c ------------------------------------------------------------------------------- */

/* One request and its answer. Made when the first byte is there, gone when the answer is out: an
 * idle connection has none. */
typedef struct ApiExchange ApiExchange;

typedef enum
{
  API_EXCHANGE_MORE,   /* read more */
  API_EXCHANGE_CALL,   /* the request is complete: api_exchange_call () */
  API_EXCHANGE_TUNNEL, /* an agent's: the connection is to be handed over */
  API_EXCHANGE_ANSWER, /* there is an answer to write */
} ApiExchangeState;

/* NULL when the budget is spent. rest: bytes that came with the last request, or none. */
ApiExchange *api_exchange_new (P2pSpan rest);
void api_exchange_free (ApiExchange *exchange);

/* Where the next bytes go, and what they make of it. */
P2pSpan api_exchange_space (ApiExchange *exchange);
ApiExchangeState api_exchange_fed (ApiExchange *exchange, size_t n);
/* Whether anything has come yet, and whether the head is complete. */
bool api_exchange_has_begun (const ApiExchange *exchange);
bool api_exchange_has_head (const ApiExchange *exchange);
/* True once: the client waits for "100 Continue" before it sends the body. */
bool api_exchange_take_continue (ApiExchange *exchange);

/* certified: the client showed a certificate of the agents' CA. */
void api_exchange_call (ApiExchange *exchange, const char *address, bool certified);
/* An answer of our own instead; the connection closes behind it. */
void api_exchange_refuse (ApiExchange *exchange, ApiProblem problem, const char *text);

/* What is left to write, and how much was. */
P2pSpan api_exchange_answer (const ApiExchange *exchange);
void api_exchange_wrote (ApiExchange *exchange, size_t n);
/* A file's bytes come behind the rest: when nothing is left to write, the next of them are to be
 * read; false when the file has become shorter than was promised. Blocks on the disk. */
bool api_exchange_has_file (const ApiExchange *exchange);
bool api_exchange_read_file (ApiExchange *exchange);
/* Time for it besides that of any answer. */
int64_t api_exchange_file_ms (const ApiExchange *exchange);
bool api_exchange_keeps_alive (const ApiExchange *exchange);
/* What came behind the request. */
P2pSpan api_exchange_rest (const ApiExchange *exchange);
const P2pRequestHead *api_exchange_head (const ApiExchange *exchange);
