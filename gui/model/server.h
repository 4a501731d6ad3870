/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server one is signed in to: its listeners, routes and agents, read again every few seconds and
 * merged into the same objects, and the changes that can be asked for. Main thread. */
#pragma once

#include "client/calls.h"
#include "client/client.h"
#include "client/store.h"

typedef enum
{
  P2P_SERVER_LOADING, /* nothing has come yet */
  P2P_SERVER_ONLINE,
  P2P_SERVER_LOST, /* the last refresh failed; what is shown is old */
} P2pServerState;

#define P2P_TYPE_SERVER (p2p_server_get_type ())
G_DECLARE_FINAL_TYPE (P2pServer, p2p_server, P2P, SERVER, GObject)

/* Signals: "changed" (state or error), "refreshed" (something in the lists is another),
 * "signed-out", "untrusted", "call-failed" (sentence, detailed action name that tries again). */
P2pServer *p2p_server_new (P2pClient *client);

/* Reads at once and from then on by itself, until the object is disposed. Also the verb for "try
 * now". */
void p2p_server_refresh (P2pServer *self);

P2pServerState p2p_server_get_state (P2pServer *self);
const char *p2p_server_get_error (P2pServer *self); /* "" unless LOST */
int p2p_server_get_retry_s (P2pServer *self);       /* until the next try when LOST */
P2pStore *p2p_server_get_listeners (P2pServer *self);
P2pStore *p2p_server_get_routes (P2pServer *self);
P2pStore *p2p_server_get_agents (P2pServer *self);

/* The outcome shows in the lists, or comes as "call-failed". */
void p2p_server_run_listener (P2pServer *self, int64_t id, bool start);
void p2p_server_enable (P2pServer *self, P2pResource *resource, bool enabled);
