/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One tunnel, from the daemon's 101 to its end. The main thread alone calls. */
#pragma once

#include "lib/yamux.h"

typedef struct Session Session;

/* Takes the stream over, also on failure. ring: called on the session's thread when something of it
 * has changed; must not block. */
Session *session_new (P2pStream *take_strm, void (*ring) (void), GError **error);
/* Closes it when it is open, and waits for its thread: up to a second, for the last words. Accepts
 * NULL. */
void session_free (Session *session, const char *why);

bool session_has_ended (Session *session);
/* Static text; NULL while it has not. */
const char *session_why_ended (Session *session);
/* The daemon opens nothing more in it; its streams go on. */
bool session_is_going_away (Session *session);
int64_t session_lived_ms (Session *session);
P2pYamuxStats session_get_stats (Session *session);

/* As p2p_yamux_check () and p2p_yamux_go_away (). */
void session_check (Session *session, int64_t wait_ms);
void session_go_away (Session *session);
