/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the agent's files share. Made by main () before the first thread is started, constant
 * afterwards but for what is atomic. */
#pragma once

#include "agent/allow.h"
#include "agent/settings.h"
#include "lib/pool.h"
#include "lib/resolver.h"
#include "lib/tls.h"
#include "lib/yamux.h"

#include <stdatomic.h>

typedef struct
{
  AgentSettings settings;
  char *token;          /* (owned) */
  char *name;           /* (owned) what it reports */
  char *host;           /* (owned) of MANAGEMENT_URL, without brackets */
  uint16_t port;
  char *authority;      /* (owned) host and port as Host wants them */
  P2pTlsClient *tls;    /* (owned) (nullable: http) */
  Allow *allow;         /* (owned) where the daemon may go from here */
  char instance[33];    /* made at start */
  atomic_uint first_address;    /* of the try that led to the tunnel: see dial_connect () */
  P2pResolver *resolver;        /* (owned) of origins */
  P2pResolver *daemon_resolver; /* (owned) apart: origins' names that hang hold up no dial */
  P2pPool *pool;         /* (owned) */
  P2pYamuxBudget *budget; /* (owned) */
  atomic_uint_fast64_t requests_ok,
      requests_failed; /* streams that reached their origin, or did not */
} Agent;
extern Agent agent;

/* --- forward.c -------------------------------------------------------------------------------- */

/* A stream that the daemon opened; called on the session's reader thread, makes a task of it. */
void forward_accepted_cb (P2pYamux *yamux, P2pStream *take_strm, void *data);

/* --- link.c ----------------------------------------------------------------------------------- */

/* Holds the tunnel up until a signal to end, then drains. On the main thread. The exit status. */
int link_run (int signal_fd);
