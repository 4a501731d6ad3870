/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management REST API: a listener of its own, sign-in, and the resources. This is the room's
 * whole door.
 *
 * The main thread calls these; the rest of the room runs on its own acceptor thread and worker
 * pool. */
#pragma once

#include "daemon/certs/certs.h"
#include "daemon/store/store.h"
#include "lib/pool.h"
#include "lib/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What is (borrowed) without a time is for the call of api_start () only. */
typedef struct
{
  Store *store;             /* (borrowed: until api_stop () returned) */
  const char *setup_token_file; /* (borrowed) written while there is no administrator */
  int64_t setup_window_ms;  /* from the start on */
  int64_t session_idle_ms;  /* a session ends after so long without use */
  const char *bind_address; /* (borrowed) "" all */
  uint16_t port;            /* 0: the kernel's choice */
  P2pTlsServer *tls;        /* (borrowed) ALPN http/1.1, no tickets; NULL: plain HTTP */
  const char *public_url;   /* (nullable) (borrowed) where people reach the management API */
  CertsManagement *management; /* (nullable) (borrowed: until api_stop () returned) what agents are
                                  told to dial and to trust */
  const char *install_source_url; /* (nullable) (borrowed) */
  const char *packages_dir;       /* (nullable) (borrowed) what agents may fetch, see packages.c */
  unsigned workers_max;
  unsigned connections_max;
  unsigned connections_per_address_max;
  int64_t handshake_timeout_ms;
  int64_t header_timeout_ms;
  int64_t body_timeout_ms; /* for the whole body, and for the whole answer */
  int64_t idle_timeout_ms;
} ApiOptions;

/* After config_start (), proxy_start () and agents_start (): requests are answered from now on. */
bool api_start (const ApiOptions *options, GError **error);
uint16_t api_get_port (void);
/* Another one for connections that come from now on; a reference is taken. Any thread, between
 * start and stop; not for a port that began with plain HTTP. */
void api_set_tls (P2pTlsServer *tls);
/* /readyz says so from now on; false again by api_stop (). */
void api_set_ready (bool ready);
/* Stops accepting, lets requests in flight end until the deadline, closes the rest; joins every
 * thread. */
void api_stop (int64_t deadline_us);

/* For the watchdog, until api_stop (). */
P2pPool *api_get_pool (void);
