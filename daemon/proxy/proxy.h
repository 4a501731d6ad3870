/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The public side: listeners, sessions and requests. This is its whole door.
 *
 * proxy_start () and proxy_stop () belong to the main thread; the rest may be called by any thread
 * and blocks only for the listener table's short lock, and for bind () and listen (). */
#pragma once

#include "daemon/config/target-state.h"
#include "lib/lanes.h"
#include "lib/resolver.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  P2pResolver *resolver; /* (borrowed: until proxy_stop () returned) */
  unsigned workers_min, workers_max;
  unsigned max_connections, max_connections_per_address;
  unsigned max_requests; /* on their way to an origin and back */
  size_t max_head_bytes, upstream_max_head_bytes;     /* at most WORKSPACE_HEAD_MAX */
  unsigned max_head_fields, upstream_max_head_fields; /* at most P2P_HTTP1_FIELDS_MAX */
  size_t head_memory_max;  /* of heads that wait for their rest */
  uint64_t max_body_bytes; /* of a request */
  int64_t handshake_timeout_ms, header_timeout_ms, idle_timeout_ms, body_idle_timeout_ms;
  int64_t min_body_rate; /* bytes a second that a client has to send or to take; 0: any */
  unsigned upstream_keepalive_max; /* idle upstream connections kept, all origins together */
  int64_t upstream_keepalive_idle_ms;
  ConfigCoolDown cool_down; /* of targets that cannot be reached */
} ProxyOptions;

typedef enum
{
  PROXY_LISTENER_STOPPED,
  PROXY_LISTENER_RUNNING,
  PROXY_LISTENER_ERROR,
} ProxyListenerState;

typedef struct
{
  ProxyListenerState state;
  char last_error[256]; /* a sentence, or "" */
  uint16_t bound_port;  /* 0: not bound */
} ProxyListenerStatus;

/* Starts the pool and the acceptor, binds the listeners of the snapshot in force, and follows every
 * later one. A listener that cannot be bound is a state, not a failure: it is tried again. */
bool proxy_start (const ProxyOptions *options, GError **error);

/* Stops accepting, lets requests in flight end until the deadline, then cuts them; joins every
 * thread. */
void proxy_stop (int64_t deadline_us);

/* False: no such listener in the snapshot in force. */
bool proxy_listener_get_status (int64_t id, ProxyListenerStatus *ret_status);

/* Until the daemon's next start or a change of the configuration's enabled, whatever that says.
 * False with an error: not found, or it could not be bound: then nothing has changed. */
bool proxy_listener_start (int64_t id, GError **error);
bool proxy_listener_stop (int64_t id, GError **error);

typedef enum
{
  PROXY_ERROR_NOT_FOUND,
  PROXY_ERROR_BIND,
} ProxyError;
#define PROXY_ERROR (proxy_error_quark ())
GQuark proxy_error_quark (void);

typedef struct
{
  unsigned connections;
  uint64_t requests;
} ProxyStats;
ProxyStats proxy_get_stats (void);

/* For the watchdog, until proxy_stop (); how many there are. */
unsigned proxy_list_pools (P2pPool *pools[P2P_LANES_MAX]);
