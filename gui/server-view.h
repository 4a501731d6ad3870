/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One server, signed in: sections at the side, the chosen one beside them, and a notice while the
 * connection is lost. Main thread. */
#pragma once

#include <adwaita.h>

#include "client/calls.h"
#include "client/profile.h"
#include "gui/model/server.h"

#define P2P_TYPE_SERVER_VIEW (p2p_server_view_get_type ())
G_DECLARE_FINAL_TYPE (P2pServerView, p2p_server_view, P2P, SERVER_VIEW, AdwBin)

P2pServerView *p2p_server_view_new (P2pServer *server, P2pProfile *profile, const P2pUser *user);

void p2p_server_view_show_section (P2pServerView *self, int section);
void p2p_server_view_search (P2pServerView *self);
